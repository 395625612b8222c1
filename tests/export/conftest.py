"""Splats to store, and the tools of others that read what we write."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest
import torch
from support.gaussian_scenes import random_gaussians
from support.model_folders import write_model
from support.scene_folders import write_scene

from splatworker.export.account import Account
from splatworker.export.export import export
from splatworker.export.outputs import OUTPUTS
from splatworker.gaussians import Gaussians
from splatworker.render.interface import GaussianTensors
from splatworker.render.tensors import to_gaussians

VIEWER = Path(__file__).parents[2] / "viewer"


@pytest.fixture(params=[0, 1, 2, 3], ids=lambda degree: f"degree{degree}")
def splat(request) -> Gaussians:
    gaussians = random_gaussians(1000, sh_degree=request.param, seed=request.param)
    # What every format can hold: colours that a screen shows, harmonics up to 1.
    return to_gaussians(
        gaussians._replace(sh_dc=gaussians.sh_dc.clamp(-1.7, 1.7), sh_rest=gaussians.sh_rest.clamp(-0.8, 0.8))
    )


def _find_node() -> str | None:
    """Node 22 or later: that of viewer/node_modules, or the system's."""
    for candidate in [*VIEWER.glob("node_modules/node-*/bin/node"), shutil.which("node")]:
        if candidate is None:
            continue
        answer = subprocess.run([candidate, "--version"], capture_output=True, text=True, check=False)
        version = re.match(r"v(\d+)", answer.stdout)
        if answer.returncode == 0 and version and int(version[1]) >= 22:
            return str(candidate)
    return None


@pytest.fixture(scope="session")
def node() -> str:
    """Node 22 or later."""
    program = _find_node()
    if program is None:
        pytest.skip("there is no Node 22 or later: npm ci --ignore-scripts in viewer/ brings one")
    return program


@pytest.fixture(scope="session")
def splat_transform(node):
    """PlayCanvas's converter of splats, the independent reader and writer: `splat_transform(source, target, ...)`."""
    cli = VIEWER / "node_modules" / "@playcanvas" / "splat-transform" / "bin" / "cli.mjs"
    if not cli.is_file():
        pytest.skip("splat-transform is not installed: npm ci --ignore-scripts in viewer/")

    def run(source: Path, target: Path, *options: str) -> None:
        command = [node, str(cli), "-q", "-w", "-g", "cpu", *options, str(source), str(target)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr

    return run


def upright_scene() -> GaussianTensors:
    """What the tiny scene's photos show, and more: the upper half is blue, the lower green (y is down in its files)."""
    gaussians = random_gaussians(400, sh_degree=1, seed=5, spread=0.6, log_scale=-1.8, opacity_logit=2.0)
    above = gaussians.means[:, 1:2] < 0
    colours = torch.where(above, torch.tensor([-1.2, -1.2, 1.4]), torch.tensor([-1.2, 1.4, -1.2]))
    return gaussians._replace(sh_dc=colours, sh_rest=0.1 * gaussians.sh_rest)


@pytest.fixture(scope="session")
def scene(tmp_path_factory) -> Path:
    """A scene folder of 12 photos around something that is blue above and green below."""
    return write_scene(tmp_path_factory.mktemp("export") / "scene", gaussians=upright_scene(), width=96, height=72,
                       focal=100.0)  # fmt: skip


@pytest.fixture(scope="session")
def model(tmp_path_factory) -> Path:
    """The model folder of a splat that shows the scene's photos as they are."""
    return write_model(tmp_path_factory.mktemp("export") / "model", upright_scene(), size=(96, 72))


class Told:
    """A reporter that remembers."""

    def __init__(self) -> None:
        self.steps: list[tuple[str, float]] = []
        self.warnings: list[str] = []

    def progress(self, step: str, fraction: float) -> None:
        self.steps.append((step, fraction))

    def warning(self, message: str) -> None:
        self.warnings.append(message)


@pytest.fixture
def told() -> Told:
    return Told()


class Exported(NamedTuple):
    """A finished export: its folder, result and what it told."""

    folder: Path
    result: dict
    told: Told


@pytest.fixture(scope="session")
def exported(scene, model, tmp_path_factory) -> Exported:
    """All outputs of the model, made once on the CPU."""
    folder, told = tmp_path_factory.mktemp("export") / "out", Told()
    account = Account(
        photos={
            "given": 14,
            "used": 13,
            "registered": 12,
            "rejected": [
                {"index": 3, "reason": "the server answered 404"},
                {"index": 9, "name": "blurred <b>.jpg", "reason": "it shares too little with the others"},
            ],
        },
        timings={"photos": 1.0, "sfm": 20.0, "train": 100.0},
        settings={"iterations": 30},
        warnings=["A warning & more."],
    )
    result = export(model, scene, folder, list(OUTPUTS), told, device="cpu", account=account)
    return Exported(folder, result, told)
