"""Warming up asks for all that an export does, and leaves nothing behind."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from support.kinds import with_either

from splatworker.export import warm_up
from splatworker.render.interface import Renderer
from splatworker.splat_files.clusters import palette


@with_either
def test_it_runs_where_there_is_no_gpu(renderer: Renderer, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []
    clustered: Callable[..., object] = palette

    def noted(*arguments: object) -> object:
        asked.append(arguments[3])
        return clustered(*arguments)

    monkeypatch.setattr(warm_up, "renderer_for", lambda device: renderer)
    monkeypatch.setattr(warm_up, "palette", noted)
    warm_up.warm_up()
    assert asked == [renderer.device]
