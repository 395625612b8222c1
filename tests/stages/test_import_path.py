"""A person's own modules of the standard library's names, or numpy's, do not get into a command."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from support.jobs import write_photos
from support.plain_files import write_haze

ROOT = Path(__file__).parents[2]

NAMES = ["json", "numpy", "signal", "threading", "argparse", "tempfile", "typing", "PIL", "torch", "re", "struct"]


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    """A folder of scripts that have unlucky names."""
    folder = tmp_path / "scripts"
    folder.mkdir()
    for name in NAMES:
        (folder / f"{name}.py").write_text("raise RuntimeError('the person\\'s own')\n")
    return folder


@pytest.fixture
def ply(tmp_path: Path) -> Path:
    write_haze(tmp_path / "toy.ply", 40, sh_degree=0)
    return tmp_path / "toy.ply"


def command(
    *words: object, where: Path | None = None, options: Sequence[str] = (), **environment: Any
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *options, "-m", "splatworker", *map(str, words)],
        cwd=where,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_folder_of_pythonpath(mine: Path, ply: Path) -> None:
    path = os.pathsep.join([str(mine), str(ROOT)])
    done = command("info", ply, options=["-P"], PYTHONPATH=path)
    assert done.returncode == 0, done.stderr
    assert "40" in done.stdout


def test_the_working_directory(mine: Path, ply: Path) -> None:
    done = command("info", ply, where=mine, PYTHONPATH=str(ROOT))
    assert done.returncode == 0, done.stderr


def test_what_is_found_nowhere_else_still_is(mine: Path, ply: Path) -> None:
    """Where the package itself comes from PYTHONPATH, as on a machine without an installation."""
    code = "import sys; sys.argv[1:] = ['--version']; from splatworker.cli import main; print(main()); import only_mine"
    (mine / "only_mine.py").write_text("print('mine')\n")
    path = os.pathsep.join([str(mine), str(ROOT)])
    done = subprocess.run(
        [sys.executable, "-P", "-c", code],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.splitlines()[-1] == "mine", done.stderr


def test_the_stages_of_a_run(mine: Path, tmp_path: Path) -> None:
    """The photos of this run share nothing: that is found out by the stages, in processes of their own."""
    write_photos(tmp_path / "photos", 2)
    path = os.pathsep.join([str(mine), str(ROOT)])
    done = command("run", tmp_path / "photos", "-o", tmp_path / "out", options=["-P"], PYTHONPATH=path)
    assert done.stderr.strip().endswith("[too_few_photos]"), done.stderr
