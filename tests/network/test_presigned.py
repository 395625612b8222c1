"""When presigned URLs end."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from splatworker.errors import InvalidJob
from splatworker.network import presigned

NOW = datetime(2026, 1, 2, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
SIGNED = "https://a.example/k?X-Amz-Date=20260102T110000Z&X-Amz-Expires="


@pytest.mark.parametrize(
    ("url", "end"),
    [
        (SIGNED + "7200", NOW + timedelta(hours=1)),
        ("https://a.example/k?Expires=1767358800&Signature=x&AWSAccessKeyId=y", datetime(2026, 1, 2, 13, tzinfo=UTC)),
        ("https://a.example/k?X-Goog-Date=20260102T110000Z&X-Goog-Expires=7200&X-Goog-Signature=x", NOW + HOUR),
        ("https://a.example/k?x-oss-date=20260102T110000Z&x-oss-expires=7200&x-oss-signature=x", NOW + HOUR),
        ("https://a.example/k?q-sign-time=1767351600%3B1767358800&q-signature=x", NOW + HOUR),
        ("https://a.example/k?sv=2024-11-04&st=2026-01-02&se=2026-01-02T13%3A00%3A00Z&sr=b&sp=r&sig=x", NOW + HOUR),
        ("https://a.example/k?sv=2024-11-04&se=2026-01-03&sig=x", datetime(2026, 1, 3, tzinfo=UTC)),
        ("https://a.example/k?sv=2024-11-04&se=soon&sig=x", None),
        ("https://a.example/k?se=2026-01-02T13%3A00%3A00Z", None),
        ("https://a.example/k?q-sign-time=9&q-signature=x", datetime(1970, 1, 1, 0, 0, 9, tzinfo=UTC)),
        ("https://a.example/k?q-sign-time=%3B&q-signature=x", None),
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


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("X-Amz-SignedHeaders=content-type%3Bhost", {"content-type", "host"}),
        ("X-Goog-SignedHeaders=Host;X-Goog-Acl", {"host", "x-goog-acl"}),
        ("x-amz-signedheaders=host&X-Amz-SignedHeaders=host;range", {"host"}),
        ("", set()),
    ],
)
def test_the_headers_that_were_signed(query: str, names: set[str]) -> None:
    assert presigned.signed_headers(f"https://a.example/k?{query}") == names
