"""What a presigned URL says of itself: when it ends, and what its request must bring along."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

from splatworker.errors import InvalidJob
from splatworker.network.header_values import number

_SIGNED_AND_LIVES = (
    ("x-amz-date", "x-amz-expires"),
    ("x-goog-date", "x-goog-expires"),
    ("x-oss-date", "x-oss-expires"),
)
"""Parameters of a URL's query: when it was signed, and the seconds that it lives."""

_SIGNED_HEADERS = ("x-amz-signedheaders", "x-goog-signedheaders")


def parameters(url: str) -> dict[str, str]:
    """The parameters of a URL's query, their names in small letters, the first of each name."""
    return {name.lower(): values[0] for name, values in reversed(parse_qs(urlsplit(url).query).items())}


def expiry(url: str) -> datetime | None:
    """When a presigned URL ends; None if it is none, or does not say.

    S3's signatures (R2's, too) of either version, Google's, CloudFront's, Aliyun's, Tencent's, and Azure's.
    """
    query = parameters(url)
    try:
        for signed, lives in _SIGNED_AND_LIVES:
            if signed in query and lives in query:
                moment = datetime.strptime(query[signed], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
                lifetime = number(query[lives])
                return None if lifetime is None else moment + timedelta(seconds=lifetime)
        if "expires" in query and "signature" in query:
            return _since_epoch(query["expires"])
        if "q-sign-time" in query and "q-signature" in query:
            return _since_epoch(query["q-sign-time"].rpartition(";")[2])
        if is_azure(url):
            end = datetime.fromisoformat(query["se"])
            return end.replace(tzinfo=UTC) if end.tzinfo is None else end.astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return None


def is_azure(url: str) -> bool:
    """Whether a URL has a shared access signature of Azure's: its end, its version, and the signature."""
    return {"se", "sv", "sig"} <= parameters(url).keys()


def signed_headers(url: str) -> frozenset[str]:
    """The headers that a presigned URL was signed with, in small letters: its request must have them as they were."""
    query = parameters(url)
    named = next((query[name] for name in _SIGNED_HEADERS if name in query), "")
    return frozenset(name.strip() for name in named.lower().split(";")) - {""}


def check_lifetime(url: str, field: str, needed_s: float, now: datetime | None = None) -> None:
    """Refuse a presigned URL that ends before the job can.

    Raises:
        InvalidJob: with the field and how long it still lives.
    """
    end = expiry(url)
    if end is None:
        return
    left = (end - (now or datetime.now(UTC))).total_seconds()
    if left < needed_s:
        state = "has expired" if left <= 0 else f"ends in {left:.0f} s, before the job can"
        raise InvalidJob(
            f"The presigned URL in '{field}' {state}.",
            hint="Presign it for two hours or more: the time in the queue counts too.",
        )


def _since_epoch(text: str) -> datetime | None:
    seconds = number(text)
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
