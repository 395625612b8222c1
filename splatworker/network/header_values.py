"""What headers of strangers' answers hold: numbers, waits and codings, of which any may be nonsense."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

_LONGEST_DATE = 64
_MOST_WAIT_S = 100_000
_COMPRESSIONS = frozenset({"gzip", "x-gzip", "deflate", "br", "zstd", "compress", "x-compress"})


def number(text: str) -> int | None:
    """The number that a header holds; None where it is none of up to fifteen plain digits.

    `int` and `str.isdigit` know more digits than HTTP does, and disagree about some of them.
    """
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 15 else None


def retry_after(text: str, now: datetime | None = None) -> float:
    """Seconds that a server asks to wait, which it may say as a date (RFC 9110, 10.2.3); 0 where it says nothing that
    can be understood, a time that is over, or more than a day.

    Args:
        text: the header Retry-After.
        now: the time, in UTC.
    """
    seconds = float(number(text) or 0)
    if not seconds and text.isascii() and text.endswith("GMT"):
        with contextlib.suppress(ValueError, TypeError, OverflowError):
            seconds = (parsedate_to_datetime(text[:_LONGEST_DATE]) - (now or datetime.now(UTC))).total_seconds()
    return seconds if 0 < seconds < _MOST_WAIT_S else 0.0


def is_compressed(coding: str) -> bool:
    """Whether a body is compressed, by the header Content-Encoding.

    Stores hand back what an upload's header said: `aws-chunked`, `utf-8` or nothing at all stands there of files that
    are sent as they are.
    """
    return any(word.strip().lower() in _COMPRESSIONS for word in coding.split(","))
