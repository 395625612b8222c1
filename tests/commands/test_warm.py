"""A stage that has been loaded ahead waits on its standard input, and does what it is told there."""

from __future__ import annotations

import gc
import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from splatworker.commands import warm


@pytest.fixture(autouse=True)
def thawed() -> Iterator[None]:
    """What is frozen against the collector of garbage is so for a whole process: not for other tests."""
    yield
    gc.unfreeze()


def hear(monkeypatch: pytest.MonkeyPatch, *messages: object) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("".join(json.dumps(message) + "\n" for message in messages)))


def test_the_trainer_takes_its_arguments_when_they_come(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    hear(monkeypatch, {"arguments": ["-s", str(tmp_path / "none"), "-m", str(tmp_path / "m"), "--device", "cpu"]})
    assert warm.main(["train", "--json"]) == 1
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["code"] == "invalid_scene"


def test_the_export_warms_up_at_any_other_word_and_does_its_work_when_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    warmed_up: list[int] = []
    monkeypatch.setattr("splatworker.export.warm_up.warm_up", lambda: warmed_up.append(1))
    arguments = [str(tmp_path / "none.ply"), "-s", str(tmp_path), "-o", str(tmp_path / "out"), "--device", "cpu"]
    hear(monkeypatch, {"gpu": "free"}, {"arguments": arguments})
    assert warm.main(["export", "--json"]) == 1
    assert warmed_up == [1]
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["event"] == "error"


def test_an_export_that_is_never_wanted_ends_with_its_input(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    hear(monkeypatch)
    assert warm.main(["export", "--json"]) == 1
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("argv", [[], ["paint"], ["--json"]])
def test_there_are_two_stages_to_warm(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert warm.main(argv) == 2
    assert capsys.readouterr().err.startswith("usage: ")


@pytest.mark.parametrize("text", ["", "nonsense\n", "[]\n", "{}\n"])
@pytest.mark.parametrize("stage", ["train", "export"])
def test_what_is_no_message_is_none(stage: str, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("splatworker.export.warm_up.warm_up", lambda: None)
    monkeypatch.setattr("sys.stdin", io.StringIO(text))
    assert warm.main([stage, "--json"]) == 1
