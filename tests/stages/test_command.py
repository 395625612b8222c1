"""What every stage's command line has in common: what is told of an error, and the exit status."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from splatworker.errors import InvalidScene
from splatworker.stages.command import fault_of, run_as_command, sentence
from splatworker.stages.progress import Reporter


def fails(error: BaseException) -> Callable[..., dict[str, Any]]:
    def work(report: Reporter) -> dict[str, Any]:
        raise error

    return work


def test_a_result_is_a_json_line_for_programs_and_nothing_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_as_command("sfm", lambda report: {"photos": 5}, as_json=True) == 0
    assert json.loads(capsys.readouterr().out) == {"event": "result", "stage": "sfm", "result": {"photos": 5}}
    assert run_as_command("sfm", lambda report: {"photos": 5}, as_json=False) == 0
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (InvalidScene("No scene.", hint="Give one.", stage="train"), "invalid_scene"),
        (MemoryError(), "out_of_memory"),
        (OSError(28, "No space left on device"), "disk_full"),
    ],
)
def test_an_error_is_one_event_or_one_sentence_with_its_code(
    error: InvalidScene | MemoryError | OSError, code: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_as_command("train", fails(error), as_json=True) == 1
    event = json.loads(capsys.readouterr().out)
    assert (event["event"], event["code"], event["stage"]) == ("error", code, "train")
    assert run_as_command("train", fails(error), as_json=False) == 1
    said = capsys.readouterr().err
    assert said.startswith("Error: ")
    assert said.endswith(f"[{code}]\n")


def test_a_reader_that_has_gone_ends_the_command_without_a_word(capfd: pytest.CaptureFixture[str]) -> None:
    assert run_as_command("train", fails(BrokenPipeError()), as_json=False, silent=True) == 1
    assert capfd.readouterr().err == ""


def test_a_sentence_is_one_line() -> None:
    assert sentence(InvalidScene("A\nB.", hint="", stage="train")).count("\n") == 0
    assert sentence(InvalidScene("No scene.", hint="Give one.")) == "Error: No scene. Give one. [invalid_scene]"


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (MemoryError(), "out_of_memory"),
        (ImportError("libx.so: failed to map segment from shared object"), "out_of_memory"),
        (ImportError("libx.so: cannot allocate memory in static TLS block"), "out_of_memory"),
        (RuntimeError("can't start new thread"), "out_of_memory"),
        (OSError(28, "No space left on device"), "disk_full"),
        (OSError(24, "Too many open files"), "internal_error"),
    ],
)
def test_what_the_system_did_not_give_is_told_as_that(error: Exception, code: str) -> None:
    fault = fault_of(error, "train")
    assert fault is not None
    assert (fault.code, fault.stage) == (code, "train")


@pytest.mark.parametrize("error", [RuntimeError("a bug"), ImportError("No module named 'x'"), ValueError("x")])
def test_a_fault_of_ours_is_not_the_systems(error: Exception) -> None:
    assert fault_of(error, "train") is None
