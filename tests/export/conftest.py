"""Splats to store, and the tools of others that read what we write."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from support.exports import Exported, Told
from support.gaussian_scenes import random_gaussians
from support.model_folders import write_model
from support.scene_folders import write_scene
from support.splats import node, splat, splat_transform  # noqa: F401 - fixtures

from splatworker.contract.outputs import OUTPUTS
from splatworker.export.account import Account
from splatworker.export.export import export
from splatworker.export.subject import Subject, read_subject
from splatworker.render.backend import renderer_for
from splatworker.render.interface import GaussianTensors, Renderer


def upright_scene() -> GaussianTensors:
    """What the tiny scene's photos show, and more: the upper half is blue, the lower green (y is down in its files)."""
    gaussians = random_gaussians(400, sh_degree=1, seed=5, spread=0.6, log_scale=-1.8, opacity_logit=2.0)
    above = gaussians.means[:, 1:2] < 0
    colours = torch.where(above, torch.tensor([-1.2, -1.2, 1.4]), torch.tensor([-1.2, 1.4, -1.2]))
    return gaussians._replace(sh_dc=colours, sh_rest=0.1 * gaussians.sh_rest)


@pytest.fixture(scope="session")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A scene folder of 12 photos around something that is blue above and green below."""
    return write_scene(tmp_path_factory.mktemp("export") / "scene", gaussians=upright_scene(), width=96, height=72,
                       focal=100.0)  # fmt: skip


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The model folder of a splat that shows the scene's photos as they are."""
    return write_model(tmp_path_factory.mktemp("export") / "model", upright_scene(), size=(96, 72))


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture(scope="session")
def exported(scene: Path, model: Path, tmp_path_factory: pytest.TempPathFactory) -> Exported:
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


@pytest.fixture(scope="session")
def subject(model: Path, scene: Path) -> Subject:
    """The splat and the photos that it was trained on."""
    return read_subject(model, scene)


@pytest.fixture(scope="session")
def renderer(request: pytest.FixtureRequest) -> Renderer:
    """The CPU's, on numpy's arrays, or with `support.kinds.with_either` on torch's as well."""
    return renderer_for("cpu", tensors=getattr(request, "param", "numpy") == "torch")
