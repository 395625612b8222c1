"""An export under way: what could not be made is a warning, and leaves no half of a file."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.exports import Told

from splatworker.export.export_run import ExportRun, prepare
from splatworker.export.parts import Parts
from splatworker.export.subject import Subject
from splatworker.render.interface import Renderer


@pytest.fixture
def run(subject: Subject, renderer: Renderer, tmp_path: Path, told: Told) -> ExportRun:
    return prepare(subject, renderer, tmp_path, ["poster"], Parts(told), trained=0, cleaning=False)


def test_what_was_made_is_known_with_its_size(run: ExportRun, told: Told) -> None:
    assert run.attempt("poster", lambda path: path.write_bytes(b"12345"))
    assert run.made["poster"]["file"] == "poster.webp"
    assert run.made["poster"]["bytes"] == 5
    assert told.warnings == []


@pytest.mark.parametrize(
    ("kind", "arguments", "said"), [(OSError, (28, "No space"), "The disk is full."), (ValueError, ("",), "ValueError")]
)
def test_what_was_not_is_a_warning_and_goes(
    run: ExportRun, told: Told, kind: type[Exception], arguments: tuple[object, ...], said: str
) -> None:
    def make(path: Path) -> None:
        path.write_bytes(b"half")
        raise kind(*arguments)

    assert not run.attempt("poster", make)
    assert told.warnings == [f"The output 'poster' could not be made: {said}"]
    assert run.made == {}
    assert list(run.folder.iterdir()) == []


def test_nothing_is_looked_at_that_nobody_wants(run: ExportRun, subject: Subject) -> None:
    assert (run.lines, run.cleaning, run.judging) == (None, None, False)
    assert run.turned is run.splat is subject.gaussians
    assert run.trained == run.budget.judged
