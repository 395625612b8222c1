"""Folders with files that are not ours, and what is said where one stands in the way; as fixtures, for each folder's
conftest, what a run is given and what it makes.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from support.jobs import stand_in, write_photos
from support.scene_folders import truth

from splatworker.commands import run as run_cli
from splatworker.formats.ply import write_ply
from splatworker.render.tensors import to_gaussians

MINE = "The person's own.\n"


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    write_photos(tmp_path / "photos", 5)
    return tmp_path / "photos"


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


@pytest.fixture
def toy(tmp_path: Path) -> Path:
    write_ply(tmp_path / "toy.ply", to_gaussians(truth()))
    return tmp_path / "toy.ply"


def snapshot(folder: Path) -> dict[str, object]:
    """Every file and link below a folder, with what is in it."""
    found: dict[str, object] = {}
    for path in sorted(folder.rglob("*")):
        if path.is_symlink():
            found[str(path.relative_to(folder))] = path.readlink()
        elif path.is_file():
            found[str(path.relative_to(folder))] = path.read_bytes()
    return found


def put(path: Path, text: str = MINE) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def run(*words: object) -> int:
    return run_cli.main([str(word) for word in (*words, "--ply-only")], command=stand_in())


def refused(text: str, *words: str) -> None:
    """One sentence of a person's code, with these words in it."""
    (line,) = [line for line in text.splitlines() if not line.endswith("matching photos")]
    assert line.startswith("Error: ")
    assert line.endswith("[invalid_job]")
    for word in words:
        assert word in line
