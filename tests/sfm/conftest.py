"""Runs of the stage as its callers run it, and photos of a room whose cameras are known."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from support import photo_sets
from support.sfm_runs import Run, sfm_command


@pytest.fixture(scope="session")
def sfm() -> Callable[..., Run]:
    """`sfm(images, scene, *options)`: run the stage in a process of its own."""

    def run(images: Path, scene: Path, *options: str) -> Run:
        done = subprocess.run(
            sfm_command(images, scene, *options), capture_output=True, text=True, check=False, env=dict(os.environ)
        )
        return Run(done.returncode, [json.loads(line) for line in done.stdout.splitlines()], done.stderr)

    return run


@pytest.fixture(scope="session")
def room_photos(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, np.ndarray]]:
    """(folder, name -> camera_from_world) of ten photos of the room."""
    folder = tmp_path_factory.mktemp("room") / "photos"
    return folder, photo_sets.take(folder, photo_sets.room(), photo_sets.arc(10))


@pytest.fixture(scope="session")
def room(
    sfm: Callable[..., Run], room_photos: tuple[Path, dict[str, np.ndarray]], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Run, Path]:
    """(run, scene folder) of the room's reconstruction, its photos shrunk to 400 pixels."""
    scene = tmp_path_factory.mktemp("room") / "scene"
    return sfm(room_photos[0], scene, "--undistort-max-size", "400"), scene


@pytest.fixture(scope="session")
def real_set() -> Callable[[str], Path]:
    """`real_set(name)`: the folder of a real photo set, or a skip that says why."""

    def find(name: str) -> Path:
        root = os.environ.get("SPLATWORKER_SCENES")
        if not root:
            pytest.skip("SPLATWORKER_SCENES does not say where the real photo sets are")
        folder = Path(root) / name
        if not folder.is_dir():
            pytest.skip(f"{root} has no photo set '{name}'")
        return folder

    return find
