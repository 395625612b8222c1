"""On a CPU everything works where torch is not installed, and where it is nothing loads it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

import pytest
from support.without_torch import without_torch

ROOT = Path(__file__).parents[1]

NEED_TORCH = {"splatworker.render.reference", "splatworker.render.cuda", "splatworker.train.parallel"}
"""The specification, a GPU's renderer, and several processes: whoever asks for one of them loads torch."""

NEED_KERNELS = {"splatworker.render.kernel_renderer", "splatworker.render.own_cuda"}
"""A GPU's renderer on our own arrays: whoever asks for it wants the kernels to have been built."""

IMPORT_ALL = """
import importlib, json, sys
for name in json.loads(sys.argv[1]):
    importlib.import_module(name)
    assert "torch" not in sys.modules, name
"""


def modules() -> list[str]:
    """All of ours that do not need torch; COLMAP's last, which wants to be loaded its own way."""
    paths = sorted((ROOT / "splatworker").rglob("*.py"), key=lambda path: ("sfm" not in path.parts, path))
    names = [".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__") for path in paths]
    others = NEED_TORCH if find_spec("splatworker._cuda") else NEED_TORCH | NEED_KERNELS
    return [name for name in names if name not in others and not name.endswith("__main__")]


@pytest.fixture
def environment(tmp_path: Path) -> Mapping[str, str]:
    """Of a process to which torch is not installed."""
    return without_torch(tmp_path / "python")


def python(environment: Mapping[str, str], *words: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *map(str, words)]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


def test_every_module_but_those_that_need_it_loads_without_torch(environment: Mapping[str, str]) -> None:
    done = python(environment, "-c", IMPORT_ALL, json.dumps(modules()))
    assert done.returncode == 0, done.stderr


def test_where_torch_is_installed_no_module_loads_it() -> None:
    done = python(os.environ, "-c", IMPORT_ALL, json.dumps(modules()))
    assert done.returncode == 0, done.stderr


def test_the_reference_says_what_it_needs(environment: Mapping[str, str]) -> None:
    done = python(environment, "-c", "import splatworker.render.reference")
    assert "The reference renderer needs torch: pip install 'torch>=2.8'." in done.stderr


@pytest.mark.slow
def test_a_splat_is_trained_resumed_scored_drawn_and_exported(
    environment: Mapping[str, str], tiny_scene: Path, tmp_path: Path
) -> None:
    model, more, out = tmp_path / "model", tmp_path / "more", tmp_path / "out"
    options = ["--iterations", 120, "--densify_from_iter", 20, "--densification_interval", 20, "--sh_degree", 1,
               "--densify_until_iter", 100, "--device", "cpu", "--eval", "--density", "revised"]  # fmt: skip

    def splatworker(*words: object) -> str:
        done = python(environment, "-m", "splatworker", *words)
        assert done.returncode == 0, f"{words}: {done.stderr}"
        return done.stdout

    splatworker("train", "-s", tiny_scene, "-m", model, "--checkpoint_iterations", 60, *options)
    splatworker("train", "-s", tiny_scene, "-m", more, "--start_checkpoint", model / "chkpnt60.npz", *options)
    plys = [folder / "point_cloud" / "iteration_120" / "point_cloud.ply" for folder in (model, more)]
    assert plys[0].read_bytes() == plys[1].read_bytes()
    assert "mean of 2 photos" in splatworker("eval", model, "-s", tiny_scene)
    splatworker("render", model, "-s", tiny_scene, "-o", tmp_path / "drawn")
    assert len(list((tmp_path / "drawn").glob("*.png"))) == 12
    splatworker("export", model, "-s", tiny_scene, "-o", out, "--formats", "spz,poster,quality")
    assert {path.name for path in out.iterdir()} >= {"splat.spz", "poster.webp", "quality.json"}


def test_a_gpu_that_is_asked_for_is_an_error_in_a_sentence(
    environment: Mapping[str, str], tiny_scene: Path, tmp_path: Path
) -> None:
    model = tmp_path / "model"
    done = python(environment, "-m", "splatworker", "train", "-s", tiny_scene, "-m", model, "--device", "cuda")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert any(code in done.stderr for code in ("[no_driver]", "[no_gpu]", "[driver_too_old]", "[torch_missing]"))
    assert not model.exists()
