"""Whether this process is one of several, by the environment alone, and which GPU it then takes."""

from __future__ import annotations

import pytest
import torch

from splatworker.errors import SplatError
from splatworker.train import launch


@pytest.mark.parametrize(
    ("environment", "started", "rank"),
    [
        ({}, False, 0),
        ({"WORLD_SIZE": "8"}, False, 0),
        ({"RANK": "0", "LOCAL_RANK": "0", "WORLD_SIZE": "1"}, False, 0),
        ({"RANK": "3", "LOCAL_RANK": "1", "WORLD_SIZE": "4"}, True, 3),
    ],
)
def test_one_of_several(monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], started: bool, rank: int) -> None:
    for name in ("RANK", "LOCAL_RANK", "WORLD_SIZE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert (launch.is_started(), launch.rank_here()) == (started, rank)


def test_more_processes_than_gpus_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"RANK": "3", "LOCAL_RANK": "3", "WORLD_SIZE": "4"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr("splatworker.render.device.find_gpus", lambda: {"code": ""})
    with pytest.raises(SplatError, match="more processes on this machine than its 2 GPUs"):
        launch.choose_gpu("auto")
    launch.choose_gpu("cpu")
