"""Progress for people: lines where there is no terminal."""

from __future__ import annotations

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
