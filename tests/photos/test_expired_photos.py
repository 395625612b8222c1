"""Photos whose URLs ended in the queue: one error that says how many, when, and what to change."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from splatworker.errors import InvalidJob
from splatworker.photos.expired_photos import check_photos, why_refused

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)


def presigned(ends_in: timedelta, lives: timedelta = timedelta(hours=1)) -> str:
    signed = NOW + ends_in - lives
    return f"https://s.example/k?X-Amz-Date={signed:%Y%m%dT%H%M%SZ}&X-Amz-Expires={lives.total_seconds():.0f}"


def refusal(*urls: str) -> str:
    with pytest.raises(InvalidJob) as caught:
        check_photos(urls, 30, NOW)
    assert "X-Amz-Expires" in caught.value.hint
    assert "queue" in caught.value.hint
    return caught.value.message


def test_all_of_them() -> None:
    said = refusal(*[presigned(timedelta(minutes=-20))] * 50)
    assert "50 of 50 photos" in said
    assert "2026-11-28 11:40:00 UTC, 20 min before the job began" in said


def test_some_of_them_are_counted_and_the_first_is_named() -> None:
    fresh, gone = presigned(timedelta(hours=1)), presigned(timedelta(hours=-5))
    said = refusal("https://s.example/plain.jpg", fresh, gone, fresh, gone)
    assert "2 of 5 photos (from 'image_urls[2]' on)" in said
    assert "5 h before" in said


def test_those_that_end_in_a_moment() -> None:
    assert "in 10 s, before they can be fetched" in refusal(presigned(timedelta(seconds=10)))


def test_what_lives_long_enough_or_is_not_presigned() -> None:
    check_photos([presigned(timedelta(seconds=31)), "https://s.example/a.jpg"], 30, NOW)


def test_a_stores_refusal_is_explained_where_the_url_has_ended() -> None:
    gone = presigned(timedelta(seconds=-1))
    assert "expired at 2026-11-28 11:59:59 UTC" in (why_refused(403, gone, NOW) or "")
    assert why_refused(404, gone, NOW) is None
    assert why_refused(403, presigned(timedelta(hours=1)), NOW) is None
    assert why_refused(403, "https://s.example/a.jpg", NOW) is None
