"""A store of photos, and a platform whose workers do jobs: as fixtures, for each folder's conftest."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.jobs import write_photos
from support.platform_server import Platform
from support.s3 import Store

NAMES = [f"IMG_{number:04d}.jpg" for number in range(1, 7)]
"""The photos of the store."""


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    write_photos(tmp_path / "photos")
    with Store(tmp_path / "photos") as store:
        yield store


@pytest.fixture
def platform() -> Iterator[Platform]:
    with Platform() as platform:
        yield platform


@pytest.fixture
def workspaces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the workspaces of all workers that are started from now on."""
    folder = tmp_path / "workspaces"
    folder.mkdir()
    monkeypatch.setenv("SPLATWORKER_WORKSPACE", str(folder))
    return folder
