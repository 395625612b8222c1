"""Runs of the stage as its callers run it, and photos of a room whose cameras are known."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from support import photo_sets
from support.sfm_runs import Run, sfm_command

if TYPE_CHECKING:
    from splatworker.sfm.workbench import Workbench


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


@pytest.fixture(scope="session")
def misled_bench(
    room_photos: tuple[Path, dict[str, np.ndarray]], tmp_path_factory: pytest.TempPathFactory
) -> Workbench:
    """The room, matched by cameras that claim 1800 pixels."""
    from splatworker.sfm import database, features, matching
    from splatworker.sfm.cameras import CameraGroup
    from splatworker.sfm.layout import lay_out
    from splatworker.sfm.options import SfmOptions
    from splatworker.sfm.pairs import all_pairs
    from splatworker.sfm.photo import read_photos
    from splatworker.sfm.watch import Span
    from splatworker.sfm.workbench import Workbench
    from splatworker.stages.progress import Silent

    folder = tmp_path_factory.mktemp("lied") / "work"
    folder.mkdir()
    span = Span(Silent(), "", 0.0, 1.0)
    bench = Workbench(folder, folder / "photos", SfmOptions(device="cpu"), 2)
    photos, _ = read_photos(room_photos[0])
    photos = lay_out(photos, room_photos[0], bench, span)
    database.create(bench.database, photos, [CameraGroup(tuple(photos), 1800.0, True)], "auto")
    features.extract(bench, features.FAST, span)
    matching.match(bench, all_pairs(len(photos)), span)
    return bench
