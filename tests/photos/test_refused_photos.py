"""Why a server gave no photo: the end of its URL comes first, then what the server says."""

from __future__ import annotations

import io

import pytest
import requests

from splatworker.photos.refused_photos import refusal

ENDED = "https://r2.example/a.jpg?X-Amz-Date=20200101T000000Z&X-Amz-Expires=60"


@pytest.mark.parametrize(
    ("status", "url", "body", "words"),
    [
        (403, ENDED, "<Code>AccessDenied</Code>", "its presigned URL expired at 2020-01-01 00:01:00 UTC"),
        (404, ENDED, "<Error><Code>NoSuchKey</Code></Error>", "404: there is nothing of that name (NoSuchKey)"),
        (403, "https://r2.example/a.jpg", "no", "the server answered 403"),
        (304, "https://r2.example/a.jpg", "<Error><Code>NoSuchKey</Code></Error>", "the server answered 304"),
    ],
)
def test_why(status: int, url: str, body: str, words: str) -> None:
    response = requests.Response()
    response.status_code, response.raw = status, io.BytesIO(body.encode())
    told = refusal(response, url)
    assert words in told
    assert told.endswith(words) or "before it was fetched" in told
