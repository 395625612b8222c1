"""When a presigned URL ends, and whether that is late enough."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from splatworker.errors import InvalidJob
from splatworker.network.presigned import check_lifetime, expiry

SIGNED = datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)
URL = "https://store.example/a?X-Amz-Date=20300102T030405Z&X-Amz-Expires=3600&X-Amz-Signature=secret"


def test_both_schemes_say_when_they_end():
    assert expiry(URL) == SIGNED + timedelta(hours=1)
    assert expiry(URL.lower().replace("t030405z", "T030405Z")) == SIGNED + timedelta(hours=1)
    assert expiry(f"https://s.example/a?Expires={int(SIGNED.timestamp())}&Signature=x") == SIGNED


@pytest.mark.parametrize(
    "query",
    ["", "X-Amz-Date=20300102T030405Z", "X-Amz-Date=soon&X-Amz-Expires=3600",
     "X-Amz-Date=20300102T030405Z&X-Amz-Expires=-1",
     "Expires=5", "Expires=99999999999999&Signature=x", "X-Amz-Date=20300102T030405Z&X-Amz-Expires=999999999999999"],
)  # fmt: skip
def test_what_is_not_presigned_has_no_end(query):
    assert expiry(f"https://store.example/a?{query}") is None


@pytest.mark.parametrize(("left", "words"), [(99, "ends in 99 s, before the job can"), (0, "has expired")])
def test_one_that_ends_before_the_job_is_refused_without_its_query(left, words):
    now = SIGNED + timedelta(seconds=3600 - left)
    check_lifetime(URL, "upload_url", left, now) if left else None
    with pytest.raises(InvalidJob, match=f"'upload_url' {words}") as refused:
        check_lifetime(URL, "upload_url", 100, now)
    assert "secret" not in str(refused.value)
    check_lifetime("https://store.example/a", "upload_url", 1e9)
