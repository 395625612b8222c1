"""A new format is a codec and a record: everything else knows it from there."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from support.gaussian_scenes import random_gaussians

from splatworker.formats.ply import write_ply
from splatworker.render.tensors import to_gaussians

CODEC = """
import json
import numpy as np
from splatworker.formats.gaussians import Gaussians

def read(path):
    rows = json.loads(path.read_text())
    return Gaussians(**{name: np.array(values, np.float32).reshape(shape) for name, (shape, values) in rows.items()})

def write(path, gaussians, device, lines):
    arrays = {name: value for name, value in vars(gaussians).items() if isinstance(value, np.ndarray)}
    rows = {name: (array.shape, array.ravel().tolist()) for name, array in arrays.items()}
    path.write_text(json.dumps(rows))
"""

PROGRAM = """
import sys
from splatworker.splat_files import records

records.FORMATS["toy"] = records.Format("toy", ".toy", "application/x-toy", "toy file", "toy", axes="toys lie down")

if sys.argv[1] == "job":
    from splatworker.contract import job

    order = job.parse({"image_urls": ["a"] * 5, "upload_url": "b", "outputs": {"toy": "c"}})
    print(list(order.outputs))
else:
    from splatworker.cli import main

    sys.exit(main(sys.argv[1:]))
"""


@pytest.fixture
def toy(tmp_path: Path) -> Callable[..., str]:
    """splatworker with a format more: `toy(argument, ...)` gives its standard output."""
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "toy.py").write_text(CODEC)
    (tmp_path / "code" / "program.py").write_text(PROGRAM)

    def run(*arguments: str | Path) -> str:
        command = [sys.executable, str(tmp_path / "code" / "program.py"), *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


def test_a_job_may_ask_for_it(toy: Callable[..., str]) -> None:
    assert toy("job").strip() == "['toy']"


def test_the_command_line_names_it(toy: Callable[..., str]) -> None:
    assert "toy" in toy("export", "--help")
    assert "toy" in toy("run", "--help")


def test_convert_and_info(toy: Callable[..., str], tmp_path: Path) -> None:
    write_ply(tmp_path / "a.ply", to_gaussians(random_gaussians(30, sh_degree=1, seed=1)))
    toy("convert", tmp_path / "a.ply", tmp_path / "b.toy")
    toy("convert", tmp_path / "b.toy", tmp_path / "c.ply")
    assert (tmp_path / "c.ply").read_bytes() == (tmp_path / "a.ply").read_bytes()
    told = json.loads(toy("info", tmp_path / "b.toy", "--json").splitlines()[-1])["result"]
    assert told["gaussians"] == 30
    assert told["sh_degree"] == 1


def test_the_export_makes_it_and_the_report_tells_of_it(
    toy: Callable[..., str], model: Path, scene: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    toy("export", model, "-s", scene, "-o", out, "--formats", "toy,report,quality", "--device", "cpu", "--json")
    assert (out / "splat.toy").is_file()
    [loss] = json.loads((out / "quality.json").read_text())["formats"]
    assert (loss["name"], loss["axes"]) == ("toy", "toys lie down")
    assert loss["psnr_db"] > 60  # it loses nothing
    assert "toys lie down" in (out / "report.html").read_text()
