"""`splatworker` itself: which commands there are, and what is said of those that are not."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

import splatworker
from splatworker import cli


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    for words in ([], ["--help"], ["-h"]):
        assert cli.main(words) == 0
        told = capsys.readouterr().out
        assert all(f"  splatworker {name}" in told and what in told for name, (_, what) in cli.COMMANDS.items())


def test_the_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--version"]) == 0
    assert capsys.readouterr().out == splatworker.__version__ + "\n"


def test_a_command_that_is_none_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["paint"]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("splatworker: there is no command 'paint'.\n\nusage:")


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="threads are counted where Linux tells them")
@pytest.mark.parametrize(
    "words", [["photos", "--help"], ["sfm", "--help"], ["train", "-s", "no scene", "-m", "m", "--device", "cpu"]]
)
def test_photos_cameras_and_trainings_begin_without_threads_of_numpy(words: list[str], tmp_path: Path) -> None:
    code = (
        "import os, sys; from splatworker import cli\n"
        f"try: cli.main({words})\n"
        "except SystemExit: pass\n"
        "print('numpy' in sys.modules, len(os.listdir('/proc/self/task')))"
    )
    environment = {name: value for name, value in os.environ.items() if name != "OPENBLAS_NUM_THREADS"}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True, env=environment)
    assert done.stdout.splitlines()[-1] == "True 1"


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_every_command_has_its_module(name: str) -> None:
    assert find_spec(cli.COMMANDS[name][0]) is not None
