"""Every error has a code and a stage, and arrives in another process as what it was."""

from __future__ import annotations

import errno
import os

import pytest

from splatworker import errors
from splatworker.errors import DiskFull, OutOfMemory, SplatError, from_event, from_os_error

EVERY = [error for error in vars(errors).values() if isinstance(error, type) and issubclass(error, SplatError)]


@pytest.mark.parametrize("kind", EVERY, ids=lambda kind: kind.__name__)
def test_an_error_crosses_a_process_as_its_own_kind_or_one_of_its_code(kind: type[SplatError]) -> None:
    arrived = from_event(kind("It failed.", hint="Try again.", stage="sfm").to_event())
    assert arrived.code == kind.code
    assert issubclass(kind, type(arrived)) or issubclass(type(arrived), kind)
    assert (arrived.message, arrived.hint, arrived.stage) == ("It failed.", "Try again.", "sfm")


@pytest.mark.parametrize("event", [{}, {"code": "nobody knows it"}, {"code": None, "message": 3, "stage": None}])
def test_an_event_that_says_little_is_an_error_all_the_same(event: dict[str, object]) -> None:
    assert type(from_event(event)) is SplatError


@pytest.mark.parametrize(
    ("number", "kind"), [(errno.ENOSPC, DiskFull), (errno.EDQUOT, DiskFull), (errno.ENOMEM, OutOfMemory)]
)
def test_what_the_system_lacks_has_a_kind_of_its_own(number: int, kind: type[SplatError]) -> None:
    assert type(from_os_error(OSError(number, "x"), "train")) is kind


def test_other_faults_of_the_system_name_the_file() -> None:
    error = from_os_error(OSError(errno.EACCES, "Permission denied", "/a/b"), "train")
    assert (error.message, error.stage) == ("Permission denied (/a/b)", "train")
    assert from_os_error(OSError("odd"), "train").message == "odd"


@pytest.mark.parametrize("number", [errno.ENAMETOOLONG, errno.ELOOP])
def test_a_path_that_no_file_can_have_is_the_persons(number: int) -> None:
    error = from_os_error(OSError(number, os.strerror(number), "x" * 5000), "photos")
    assert (error.code, error.stage) == ("invalid_job", "photos")
    assert "x" * 50 in error.message
    assert len(error.message) < 200
