"""Warming up asks for all that an export does, and leaves nothing behind."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import pytest
import torch

from splatworker.export import warm_up
from splatworker.render.backend import renderer_for
from splatworker.splat_files.clusters import palette


def test_it_runs_where_there_is_no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[torch.device] = []
    clustered: Callable[..., object] = palette

    def noted(*arguments: object) -> object:
        asked.append(cast(torch.device, arguments[3]))
        return clustered(*arguments)

    monkeypatch.setattr(warm_up, "renderer_for", lambda device: renderer_for("cpu"))
    monkeypatch.setattr(warm_up, "palette", noted)
    warm_up.warm_up()
    assert asked == [torch.device("cpu")]
