"""Texts that strangers choose: endless ones, and ones that a terminal would obey."""

from __future__ import annotations

import json
import subprocess
import sys
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from splatworker.contract import job
from splatworker.errors import SplatError, UnknownParam
from splatworker.network.redact import redact
from splatworker.stages.command import sentence
from splatworker.stages.console import Console
from splatworker.stages.printable import printable, printable_lines

ROOT = Path(__file__).parents[2]
ESCAPE = "\x1b]0;owned\x07"
GOOD = {"image_urls": [f"https://a.example/{n}.jpg" for n in range(5)], "upload_url": "https://a.example/a.ply"}
SECRET = "5ECR3T"

QUADRATIC = [
    "a", "a.", "://", "a://", "x://y", "a@", "://@", "/", "/a", "/?", "?", "?=", "a?", "/a?b", "=", "X-Amz-", "x-amz-a",
    "token=", "sig", "whsec_", "%3D", "(", ")", "/)", "?)", "https://a/?b=c)", "https://u:p@", "#", "'", "<", "[]{}",
]  # fmt: skip
"""What a text of 400 000 letters may be made of."""

REDACTING = """
import resource, sys
from splatworker.network.redact import redact
resource.setrlimit(resource.RLIMIT_CPU, (30, 30))
for piece in sys.argv[1:]:
    redact(piece * (400_000 // len(piece)))
"""


def test_redacting_takes_time_for_each_letter_once() -> None:
    """Each takes a tenth of a second; minutes, where a letter is looked at as often as there are letters before it."""
    subprocess.run([sys.executable, "-c", REDACTING, *QUADRATIC], check=True)


@pytest.mark.parametrize(
    "text",
    [
        f"1https://a.example/?{SECRET}",
        f"(https://a.example/x?k={SECRET})",
        f"a://b://c/https://user:{SECRET}@host/x",
        f"https://u:{SECRET}@p@host/x",
        f"https://a.example/a(1)/b.jpg?sig={SECRET}",
        f"/a?b=1)/c?d={SECRET}",
        f"x/y?z%3d{SECRET}",
        f"a?b/c?d={SECRET}",
        f"X-Goog-Signature={SECRET}",
        f"https://a.example/?X-Amz-Signature=1,https://b.example/?k={SECRET}",
    ],
)
def test_secrets_in_odd_places_go(text: str) -> None:
    assert SECRET not in redact(text)


@pytest.mark.parametrize("section", ["", "params", "sfm"])
def test_many_unknown_fields_cost_nothing(section: str) -> None:
    many = {f"x{number}": 1 for number in range(100_000)}
    data = GOOD | ({section: many} if section else many)
    tracemalloc.start()
    with pytest.raises(SplatError, match=r"'x0' is not known"):
        job.parse(data)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 5_000_000


def test_the_first_unknown_name_is_told_with_the_nearest() -> None:
    with pytest.raises(UnknownParam, match=r"'iteration' is not known") as caught:
        job.parse(GOOD | {"params": {"iteration": 5}, "image_urls": 7})
    assert "iterations" in caught.value.hint


DEEP: object = []
for _ in range(400):
    DEEP = [DEEP]


@pytest.mark.parametrize(
    "changes",
    [
        {"params": {"iterations": 10**4000}},
        {"deadline_s": 10**400},
        {"deadline_s": float("inf")},
        {"params": {"save_iterations": list(range(1, 100_000))}},
        {"params": {"save_iterations": DEEP}},
        {"params": DEEP},
        {"image_urls": [7] * 100_000},
        {"image_urls": [DEEP] * 6},
        {"outputs": {str(number): "x" for number in range(100_000)}},
        {"outputs": {"spz": DEEP}},
        {"project_id": "x" * 10_000_000},
        {"project_id": "\ud800"},
        {"upload_url": "https://a.example/" + "a" * 10_000_000},
        {ESCAPE: 1},
        {"x" * 1_000_000: 1},
    ],
    ids=lambda changes: next(iter(changes))[:12].encode("unicode_escape").decode(),
)
def test_absurd_values_are_one_short_sentence(changes: dict[str, Any]) -> None:
    with pytest.raises(SplatError) as caught:
        job.parse(GOOD | changes)
    told = caught.value.message + caught.value.hint
    assert len(told) < 600
    assert told.isprintable()


def test_a_rate_beyond_all_numbers_becomes_the_most_there_is() -> None:
    parsed = job.parse(GOOD | {"params": {"opacity_lr": 10**400}})
    assert parsed.params.opacity_lr == 1.0
    assert len(parsed.notes) == 1
    assert len(parsed.notes[0]) < 200


@pytest.mark.parametrize(
    ("document", "words"),
    [(b"[" * 200_000, "nested too deep"), (b'{"a":' * 200_000, "nested too deep"),
     (b" " * (17 << 20), "more than 16 MiB"),
     (b"\xff\xfe", "cannot be read"), (b"1" * 5000, "cannot be read"), (b"", "cannot be read")],
    ids=["lists", "objects", "large", "bytes", "digits", "nothing"],
)  # fmt: skip
def test_a_job_file_that_is_none(
    document: bytes, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import handler

    (tmp_path / f"a{ESCAPE}.json").write_bytes(document)
    assert handler.run_file(tmp_path / f"a{ESCAPE}.json") == 1
    told = capsys.readouterr()
    assert words in told.err
    assert "Traceback" not in told.err
    assert "\x1b" not in told.err + told.out


ODD = [ESCAPE, "\x9b31m", "\x00", "\r", "\n", "\x7f", "\x85", "\u202e", "\u2028", "\udc80", "\b\b\b"]
"""Escape sequences of both kinds, and letters that overwrite, hide or turn what stands before them."""


@pytest.mark.parametrize("odd", ODD)
def test_what_a_terminal_would_obey_is_shown(odd: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert printable(f"a{odd}b").isprintable()
    assert printable("photo é 日本.jpg") == "photo é 日本.jpg"
    assert sentence(SplatError(f"a{odd}", hint=odd)).isprintable()
    with Console() as console:
        console.warning(f"a{odd}")
        console.update(1.0, f"sfm{odd}", f"step{odd}")
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2
    assert all(line.isprintable() for line in lines)


def test_lines_stay_lines() -> None:
    assert printable_lines(f"a\n{ESCAPE}b") == "a\n\\x1b]0;owned\\x07b"


def test_the_log_for_people_is_printable(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    import structlog

    from splatworker.worker import logs

    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.delenv("RUNPOD_WEBHOOK_GET_JOB", raising=False)
    logs.configure()
    try:
        structlog.get_logger().warning("webhook not delivered", reason=f"a{ESCAPE}\u202e")
    finally:
        monkeypatch.undo()
        logs.configure()
    told = capsys.readouterr().err
    assert "]0;owned" in told
    assert "\x07" not in told
    assert "\u202e" not in told


@pytest.mark.parametrize("command", [["info", "{name}.ply"], ["convert", "{name}.spz", "b.ply"], ["photos", "{name}"]])
def test_commands_print_strange_names_harmlessly(command: list[str], tmp_path: Path) -> None:
    name = f"a{ESCAPE}"
    for suffix in (".ply", ".spz"):
        (tmp_path / f"{name}{suffix}").write_bytes(b"neither")
    more = ["-o", "out"] if command[0] == "photos" else []
    if more:
        (tmp_path / name).mkdir()
        (tmp_path / name / f"{name}.jpg").write_bytes(b"no photo")
    ended = subprocess.run(
        [sys.executable, "-P", "-m", "splatworker", *(word.format(name=name) for word in command), *more],
        cwd=tmp_path, capture_output=True, check=False,
    )  # fmt: skip
    assert b"\x1b" not in ended.stdout + ended.stderr
    assert b"Traceback" not in ended.stderr


def test_a_stage_whose_reader_is_gone_ends_without_a_traceback(tmp_path: Path) -> None:
    child = subprocess.Popen(
        [sys.executable, "-P", "-m", "splatworker", "probe", "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert child.stdout is not None
    assert child.stderr is not None
    child.stdout.close()
    told = child.stderr.read()
    child.stderr.close()
    assert child.wait() == 1
    assert told == b""


INTERRUPTED = """
import sys
from splatworker.stages.command import run_as_command
def work(report):
    raise KeyboardInterrupt
sys.exit(run_as_command("sfm", work, as_json="--json" in sys.argv))
"""


@pytest.mark.parametrize("as_json", [False, True])
def test_an_interrupt_ends_a_stage_quietly(as_json: bool) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", INTERRUPTED, *(["--json"] if as_json else [])],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ended.returncode == 130
    assert "Traceback" not in ended.stderr
    if as_json:
        assert json.loads(ended.stdout)["code"] == "cancelled"
    else:
        assert ended.stderr == "Error: The reconstruction was stopped. [cancelled]\n"
