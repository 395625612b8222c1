"""When presigned URLs end."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from splatworker.errors import InvalidJob
from splatworker.network import presigned

NOW = datetime(2026, 1, 2, 12, 0, tzinfo=UTC)
SIGNED = "https://a.example/k?X-Amz-Date=20260102T110000Z&X-Amz-Expires="


@pytest.mark.parametrize(
    ("url", "end"),
    [
        (SIGNED + "7200", NOW + timedelta(hours=1)),
        ("https://a.example/k?Expires=1767358800&Signature=x&AWSAccessKeyId=y", datetime(2026, 1, 2, 13, tzinfo=UTC)),
        ("https://a.example/k", None),
        ("https://a.example/k?X-Amz-Date=nonsense&X-Amz-Expires=3", None),
        ("https://a.example/k?X-Amz-Date=20260102T110000Z&X-Amz-Expires=9e99", None),
    ],
)
def test_when_a_url_ends(url: str, end: datetime | None) -> None:
    assert presigned.expiry(url) == end


@pytest.mark.parametrize(("seconds", "words"), [(3600, "has expired"), (3700, "ends in 100 s")])
def test_a_url_that_ends_too_early_is_refused_by_name(seconds: int, words: str) -> None:
    with pytest.raises(InvalidJob, match=f"'upload_url'.*{words}"):
        presigned.check_lifetime(f"{SIGNED}{seconds}", "upload_url", 300, NOW)


def test_a_url_that_lives_long_enough() -> None:
    presigned.check_lifetime(SIGNED + "7200", "upload_url", 300, NOW)
