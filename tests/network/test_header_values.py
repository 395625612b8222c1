"""What headers hold, and what only looks like it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from splatworker.network import header_values

NOW = datetime(2026, 1, 2, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize("text", ["٣", "１", "۹"])
def test_digits_of_other_scripts_are_no_numbers(text: str) -> None:
    assert header_values.number(text) is None


def test_what_is_a_number() -> None:
    assert [header_values.number(text) for text in ("0", "007", "123456789012345")] == [0, 7, 123456789012345]
    assert header_values.retry_after("30") == 30.0
    assert header_values.retry_after("200000") == 0.0


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("7", 7.0),
        ("Fri, 02 Jan 2026 12:00:30 GMT", 30.0),
        ("Friday, 02-Jan-26 12:00:30 GMT", 30.0),  # of RFC 850, which RFC 9110 wants to be understood
        ("Fri, 02 Jan 2026 11:00:00 GMT", 0.0),
        ("Fri, 02 Jan 2099 12:00:00 GMT", 0.0),
        ("Fri, 99 Jan 2026 12:00:00 GMT", 0.0),
        ("GMT", 0.0),
        ("9" * 9000 + " GMT", 0.0),
        ("Fri, 02 Jan 20２6 12:00:30 GMT", 0.0),
    ],
)
def test_a_wait_is_seconds_or_a_date(text: str, seconds: float) -> None:
    assert header_values.retry_after(text, NOW) == seconds


@pytest.mark.parametrize("coding", ["", " ", "identity", "aws-chunked", "utf-8", "binary", "none", "aws-chunked, "])
def test_codings_that_compress_nothing(coding: str) -> None:
    assert not header_values.is_compressed(coding)


@pytest.mark.parametrize("coding", ["gzip", "GZIP", "x-gzip", "deflate", "br", "zstd", "aws-chunked,gzip", "compress"])
def test_codings_that_compress(coding: str) -> None:
    assert header_values.is_compressed(coding)
