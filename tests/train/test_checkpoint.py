"""Training that goes on where it was stopped."""

from __future__ import annotations

from argparse import Namespace  # noqa: F401 - what cfg_args evaluates to
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from splatworker.errors import InvalidScene
from splatworker.render.arrays import Device
from splatworker.render.cpu import CpuRenderer
from splatworker.stages.progress import Silent
from splatworker.train.checkpoint import checkpoint_path
from splatworker.train.folder import splat_path
from splatworker.train.options import Options
from splatworker.train.trainer import train


def test_resuming_gives_what_never_stopping_gives(
    device: Device, tiny_options: Callable[..., Options], tmp_path: Path
) -> None:
    straight = tiny_options(model_path=tmp_path / "straight", checkpoint_iterations=[47], random_background=True)
    train(straight, CpuRenderer(device=device), Silent())
    resumed = tiny_options(
        model_path=tmp_path / "resumed",
        random_background=True,
        start_checkpoint=checkpoint_path(straight.model_path, 47),
    )
    train(resumed, CpuRenderer(device=device), Silent())
    assert splat_path(resumed.model_path, 120).read_bytes() == splat_path(straight.model_path, 120).read_bytes()


class Told(Silent):
    def __init__(self) -> None:
        self.warnings: list[str] = []

    def warning(self, message: str) -> None:
        self.warnings.append(message)


def test_on_the_other_kind_of_device_it_goes_on_with_other_random_numbers(
    device: Device, tiny_options: Callable[..., Options], tmp_path: Path
) -> None:
    other: Device = torch.device("cpu") if isinstance(device, str) else "cpu"
    first = tiny_options(iterations=30, checkpoint_iterations=[30])
    train(first, CpuRenderer(device=device), Silent())
    told = Told()
    resumed = tiny_options(model_path=tmp_path / "more", start_checkpoint=checkpoint_path(first.model_path, 30))
    train(resumed, CpuRenderer(device=other), told)
    assert splat_path(resumed.model_path, 120).exists()
    assert ["other random numbers" in warning for warning in told.warnings] == [True]


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", None])
def test_a_broken_checkpoint_is_refused(
    tiny_options: Callable[..., Options], tmp_path: Path, content: bytes | None
) -> None:
    options = tiny_options(iterations=5, checkpoint_iterations=[5])
    train(options, CpuRenderer(), Silent())
    path = checkpoint_path(options.model_path, 5)
    path.write_bytes(path.read_bytes()[:-3000] if content is None else content)
    with pytest.raises(InvalidScene, match="not a checkpoint of this trainer"):
        train(tiny_options(start_checkpoint=path), CpuRenderer(), Silent())


def test_a_checkpoint_of_another_run_is_refused(tiny_options: Callable[..., Options]) -> None:
    options = tiny_options(iterations=5, checkpoint_iterations=[5])
    train(options, CpuRenderer(), Silent())
    path = checkpoint_path(options.model_path, 5)
    with pytest.raises(InvalidScene, match="after iteration 5, and iterations is 5"):
        train(tiny_options(start_checkpoint=path, iterations=5), CpuRenderer(), Silent())
    with pytest.raises(InvalidScene, match="not of the degree 3"):
        train(tiny_options(start_checkpoint=path, sh_degree=3), CpuRenderer(), Silent())
