"""When a presigned URL ends, and whether that is late enough."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

from splatworker.errors import InvalidJob
from splatworker.network import guard


def expiry(url: str) -> datetime | None:
    """When a presigned URL ends (X-Amz-Date + X-Amz-Expires, or Expires of the older scheme); None if it is none."""
    query = {name.lower(): values[0] for name, values in parse_qs(urlsplit(url).query).items()}
    try:
        if "x-amz-date" in query and "x-amz-expires" in query:
            signed = datetime.strptime(query["x-amz-date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
            lifetime = guard.number(query["x-amz-expires"])
            return None if lifetime is None else signed + timedelta(seconds=lifetime)
        if "expires" in query and "signature" in query:
            end = guard.number(query["expires"])
            return None if end is None else datetime.fromtimestamp(end, UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return None


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
