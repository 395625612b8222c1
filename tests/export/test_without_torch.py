"""All that is made of a splat is made on a CPU without torch, and is to the bit what it is where torch is installed."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.exports import Exported
from support.model_folders import write_model
from support.object_scenes import on_a_table, write_world
from support.without_torch import run_in_turn

from splatworker.contract.outputs import OUTPUTS
from splatworker.splat_files.records import FORMATS


def test_files_pictures_film_page_and_report(model: Path, scene: Path, exported: Exported, tmp_path: Path) -> None:
    out = tmp_path / "out"
    commands: list[list[str | Path]] = [["export", model, "-s", scene, "-o", out, "--formats", ",".join(OUTPUTS)]]
    for kind in FORMATS.values():
        again = tmp_path / f"again{kind.suffix}"
        commands += [["convert", out / "splat.sog", again], ["info", again]]
    commands += [["info", scene], ["check-kernels"]]
    done = run_in_turn(tmp_path / "python", commands)
    assert done.returncode == 0, done.stderr
    assert {path.name for path in out.iterdir()} >= {output.file for output in OUTPUTS.values()}
    for name in FORMATS:
        if name in OUTPUTS:
            file = OUTPUTS[name].file
            assert (out / file).read_bytes() == (exported.folder / file).read_bytes(), file


@pytest.mark.slow
def test_an_object(tmp_path: Path) -> None:
    world = on_a_table()
    write_world(tmp_path / "scene", world)
    write_model(tmp_path / "model", world.gaussians, size=(160, 120), held_out=[])
    out = tmp_path / "out"
    done = run_in_turn(tmp_path / "python", [["object", tmp_path / "model", "-s", tmp_path / "scene", "-o", out]])
    assert done.returncode == 0, done.stderr
    assert (out / "splat.ply").stat().st_size > 10_000
