"""No secret leaves the worker in a text."""

from __future__ import annotations

import pytest

from splatworker.network.redact import redact, without_query
from splatworker.worker.logs import redacted

SECRET = "5ECR3T"


@pytest.mark.parametrize(
    "text",
    [
        f"https://bucket.example/key?X-Amz-Signature={SECRET}",
        f"GET https://bucket.example/key?a=1&X-Amz-Signature={SECRET}&b=2 failed",
        f"HTTPSConnectionPool(host='bucket.example', port=443): Max retries exceeded with url: /key?token={SECRET}",
        f"('https://bucket.example/key?sig={SECRET}', 403)",
        f'{{"url": "https://bucket.example/key?x={SECRET}"}}',
        f"https://user:{SECRET}@bucket.example/key",
        f"https://{SECRET}@bucket.example/key",
        f"https://bucket.example/key#{SECRET}",
        f"s3://bucket/key?versionId={SECRET}",
        f"X-Amz-Signature={SECRET}",
        f"x-amz-security-token={SECRET}",
        f"/a/b/c.jpg?{SECRET}=1",
        f"whsec_{SECRET}abc=",
        f"https://a.example/x?u=https%3A%2F%2Fb.example%2F%3Fk%3D{SECRET}",
        f"https://a.example/?one={SECRET}\nhttps://b.example/?two={SECRET}",
    ],
)
def test_secrets_go(text: str) -> None:
    assert SECRET not in redact(text)


@pytest.mark.parametrize(
    "text",
    ["Only 3 of 7 photos can be used.", "Did you mean 'iterations'?", "IMG_1.jpg: it is truncated", "a < b ? c : d"],
)
def test_other_text_stays(text: str) -> None:
    assert redact(text) == text


def test_the_address_itself_stays() -> None:
    assert redact("https://bucket.example/a/b.jpg?x=1 failed") == "https://bucket.example/a/b.jpg?... failed"


def test_whatever_is_nested() -> None:
    assert SECRET not in str(redacted({"a": [f"https://x.example/?{SECRET}", {"b": (f"sig={SECRET}", 1)}]}))


def test_what_anybody_may_see_of_a_url() -> None:
    assert without_query(f"https://u:p@host.example:8443/a/b?x={SECRET}#y") == "https://host.example:8443/a/b"
