"""Commands that are started without a stream, or with one that cannot be written: they end as they otherwise would."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CLI = f"{sys.executable} -P -m splatworker"

OPENS = """
import os, sys
from splatworker.stages import standard_streams
standard_streams.open_missing()
standard_streams.open_missing()
file = open(sys.argv[1], "wb")
print("printed")
os.write(1, b"by a library")
sys.stderr.write("said")
sys.stdin.read()
assert file.fileno() > 2
"""


def shell(command: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, shell=True, capture_output=True, text=True, check=False, cwd=cwd, env=environment)


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_what_is_printed_goes_nowhere_rather_than_into_a_file(closed: str, tmp_path: Path) -> None:
    (tmp_path / "opens.py").write_text(OPENS)
    done = shell(f"{sys.executable} opens.py file {closed}", tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "file").read_bytes() == b""


@pytest.mark.parametrize(
    ("command", "status"),
    [
        (f"{CLI} --help", 0),
        (f"{CLI} info .", 1),
        (f"{CLI} probe --json", 0),
        (f"{sys.executable} {ROOT}/handler.py j", 1),
    ],
)
def test_a_command_without_an_output_ends_as_with_one(command: str, status: int, tmp_path: Path) -> None:
    (tmp_path / "j").write_text("{}")
    done = shell(f"{command} >&-", tmp_path)
    assert done.returncode == status
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
@pytest.mark.parametrize("command", [f"{CLI} --help", f"{CLI} probe --json", f"{sys.executable} {ROOT}/handler.py j"])
def test_an_output_that_is_full_is_one_sentence(command: str, tmp_path: Path) -> None:
    (tmp_path / "j").write_text("{}")
    done = shell(f"{command} >/dev/full", tmp_path)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].endswith("[disk_full]")
    assert "Traceback" not in done.stderr
