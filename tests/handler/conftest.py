"""For the tests of handler.py: photos, and a place for workspaces in which none may be left behind."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.jobs import write_photos


@pytest.fixture
def photos(tmp_path: Path) -> list[Path]:
    return write_photos(tmp_path / "photos")


@pytest.fixture(autouse=True)
def own_workspaces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Every test sees whether a workspace is left behind."""
    folder = tmp_path / "workspaces"
    folder.mkdir()
    monkeypatch.setenv("SPLATWORKER_WORKSPACE", str(folder))
    yield
    assert list(folder.iterdir()) == []
