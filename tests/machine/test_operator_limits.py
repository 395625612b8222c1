"""Limits that an operator sets: what is no number is said, and leaves the default in force."""

from __future__ import annotations

import pytest

from splatworker.errors import SplatError
from splatworker.machine import operator_limits


def test_every_limit_has_a_default_that_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in operator_limits.LIMITS:
        monkeypatch.delenv(variable, raising=False)
        assert operator_limits.value(variable) > 0


@pytest.mark.parametrize("text", ["soon", "0", "-5", "nan", "inf"])
def test_nonsense_leaves_the_default_and_is_named(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("SPLATWORKER_PHOTO_S", text)
    assert operator_limits.value("SPLATWORKER_PHOTO_S") == operator_limits.LIMITS["SPLATWORKER_PHOTO_S"].default
    with pytest.raises(SplatError, match=r"SPLATWORKER_PHOTO_S is .* a number of seconds above 0"):
        operator_limits.check()


def test_what_counts_something_is_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPLATWORKER_MOST_PHOTOS", "7.5")
    with pytest.raises(SplatError, match="a whole number"):
        operator_limits.check()
    monkeypatch.setenv("SPLATWORKER_MOST_PHOTOS", "7.0")
    operator_limits.check()
    assert operator_limits.whole("SPLATWORKER_MOST_PHOTOS") == 7


def test_mebibytes_are_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPLATWORKER_PHOTO_MIB", "1.5")
    assert operator_limits.mebibytes("SPLATWORKER_PHOTO_MIB") == 3 * 2**19
