"""Names in whatever bytes are printed, and a terminal obeys none of them."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from splatworker.stages.console import Console
from splatworker.stages.printable import printable, shown_as_it_is


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain words", "plain words"),
        ("größe 猫.jpg", "größe 猫.jpg"),
        (os.fsdecode(b"caf\xe9.jpg"), r"caf\xe9.jpg"),
        ("\x1b]0;owned\x07", r"\x1b]0;owned\x07"),
        ("a\x9b2Jb", r"a\x9b2Jb"),  # the escape sequence's other beginning
        ("gpj.\u202eexe", r"gpj.\u202eexe"),
        ("two\nlines", r"two\nlines"),
        ("half \ud83d", r"half \ud83d"),
        ("a family: 👨\u200d👩", "a family: 👨\u200d👩"),
    ],
)
def test_what_is_obeyed_or_no_text_is_an_escape(text: str, shown: str) -> None:
    assert printable(text) == shown


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_every_stream_takes_every_name(encoding: str, monkeypatch: pytest.MonkeyPatch) -> None:
    under = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    monkeypatch.setattr(sys, "stdout", under)
    with shown_as_it_is():
        sys.stdout.write("größe 猫 " + os.fsdecode(b"\xe9") + " \x1b[31m\n")
    under.flush()
    written = under.buffer.getvalue().decode(encoding)
    assert written.endswith("\\xe9 \\x1b[31m\n")
    assert ("größe" in written) == (encoding != "ascii")


def test_a_warning_is_one_line_without_escapes(capsys: pytest.CaptureFixture[str]) -> None:
    with Console() as console:
        console.warning("a\x1b[2J\nError: all is lost.jpg is left out")
        console.update(50.0, "sfm", "at \x07")
    assert capsys.readouterr().err == "Warning: a\\x1b[2J\\nError: all is lost.jpg is left out\n 50% sfm: at \\x07\n"


@pytest.mark.parametrize(
    "settings", [{"PYTHONIOENCODING": "utf-8"}, {"LC_ALL": "C", "PYTHONIOENCODING": "ascii"}, {"LC_ALL": "C"}]
)
def test_a_command_names_a_file_whatever_its_name(tmp_path: Path, settings: dict[str, str]) -> None:
    path = os.fsencode(tmp_path) + b"/gr\xc3\xb6\xdfe \x1b]0;x\x07.ply"
    with open(path, "wb") as file:  # noqa: PTH123 - its name is no text
        file.write(b"no splat")
    done = subprocess.run(
        [sys.executable.encode(), b"-m", b"splatworker", b"info", path],
        capture_output=True,
        env={**os.environ, **settings},
        check=False,
    )
    assert done.returncode == 1
    assert b"Traceback" not in done.stderr
    assert b"\x1b" not in done.stderr
    assert b"\\xdfe \\x1b]0;x\\x07.ply" in done.stderr
