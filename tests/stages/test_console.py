"""Progress for people: a bar at a terminal, lines where there is none."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios

import pytest

from splatworker.stages.console import Console


def test_a_line_for_a_step_and_every_tenth_and_no_more(capsys: pytest.CaptureFixture[str]) -> None:
    with Console() as console:
        stage = console.stage("sfm")
        for percent in range(0, 101):
            stage.progress("matching photos", percent / 100)
        stage.warning("1 photo is left out.")
    lines = capsys.readouterr().err.splitlines()
    assert lines[-1] == "Warning: 1 photo is left out."
    assert len(lines) == 12
    assert lines[0] == "  0% sfm: matching photos"


def test_a_silent_one_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with Console(silent=True) as console:
        console.update(50.0, "sfm", "matching photos")
        console.warning("1 photo is left out.")
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(("lines", "columns"), [(24, 80), (0, 0), (0, 60)])
def test_a_terminal_has_a_bar_also_where_it_does_not_tell_its_size(lines: int, columns: int) -> None:
    program = (
        "from splatworker.stages.console import Console\n"
        "with Console() as console:\n"
        "    console.stage('sfm').progress('matching photos', 0.5)\n"
        "    console.warning('1 photo is left out.')\n"
        "    console.stage('sfm').progress('matching photos', 0.7)\n"
        "    print('14 of 15 photos')\n"
    )
    ours, theirs = pty.openpty()
    try:
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        subprocess.run([sys.executable, "-c", program], stdout=theirs, stderr=theirs, check=True)
        drawn = os.read(ours, 2**16).decode()
    finally:
        os.close(theirs)
        os.close(ours)
    assert "0% |" in drawn
    lines_of_words = {line.split("\r")[-1] for line in drawn.replace("\r\n", "\n").split("\n")}
    assert {"Warning: 1 photo is left out.", "14 of 15 photos"} <= lines_of_words  # and the bar is not before them
    assert max(len(line) for line in drawn.replace("\n", "\r").split("\r")) <= (columns or 80)
