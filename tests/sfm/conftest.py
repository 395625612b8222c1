"""Runs of the stage as its callers run it, and photos of a room whose cameras are known."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from support import photo_sets


@dataclass
class Run:
    """What a child process said."""

    status: int
    events: list[dict]
    stderr: str

    @property
    def result(self) -> dict:
        assert self.status == 0, (self.events[-1:], self.stderr)
        assert self.events[-1]["event"] == "result"
        return self.events[-1]["result"]

    @property
    def error(self) -> dict:
        assert self.status == 1, self.stderr
        assert self.events[-1]["event"] == "error"
        return self.events[-1]

    @property
    def warnings(self) -> list[str]:
        return [event["message"] for event in self.events if event["event"] == "warning"]


def command(images: Path, scene: Path, *options: str) -> list[str]:
    return [sys.executable, "-m", "splatworker", "sfm", str(images), "-o", str(scene), "--json", *options]


@pytest.fixture(scope="session")
def sfm():
    """`sfm(images, scene, *options)`: run the stage in a process of its own."""

    def run(images: Path, scene: Path, *options: str) -> Run:
        done = subprocess.run(
            command(images, scene, *options), capture_output=True, text=True, check=False, env=dict(os.environ)
        )
        return Run(done.returncode, [json.loads(line) for line in done.stdout.splitlines()], done.stderr)

    return run


@pytest.fixture(scope="session")
def room_photos(tmp_path_factory):
    """(folder, name -> camera_from_world) of ten photos of the room."""
    folder = tmp_path_factory.mktemp("room") / "photos"
    return folder, photo_sets.take(folder, photo_sets.room(), photo_sets.arc(10))


@pytest.fixture(scope="session")
def room(sfm, room_photos, tmp_path_factory):
    """(run, scene folder) of the room's reconstruction, its photos shrunk to 400 pixels."""
    scene = tmp_path_factory.mktemp("room") / "scene"
    return sfm(room_photos[0], scene, "--undistort-max-size", "400"), scene


@pytest.fixture(scope="session")
def real_set():
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
