"""Photos whose presigned URLs ended while the job waited in the queue: named as that, and what to change.

A product presigns all photos when the order comes, often for an hour, and the job then waits for a worker. What has
expired there no store gives back, however the photos are.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from splatworker.errors import InvalidJob
from splatworker.network.presigned import expiry

ADVICE = (
    "The time in the queue counts. Presign photos for longer than queue and job can take (X-Amz-Expires 21600 is six "
    "hours, 604800 the most), let more workers start, or set the job's 'policy.ttl' to what the URLs live; then send "
    "the job again with new URLs."
)

_REFUSALS = frozenset({400, 401, 403})
"""What stores answer to a URL that has ended."""


def check_photos(
    urls: Sequence[str],
    needed_s: float,
    now: datetime | None = None,
    *,
    field: str = "image_urls",
    what: str = "photos",
) -> None:
    """Refuse a job some of whose photos cannot be fetched any more, or only for a moment.

    Args:
        urls: of the photos.
        needed_s: seconds that each must live on.
        now: the time, in UTC.
        field, what: where they stand in the job, and what they are.

    Raises:
        InvalidJob: how many photos, when their URLs ended, and what to change.
    """
    now = now or datetime.now(UTC)
    ends = {number: end for number, url in enumerate(urls) if (end := expiry(url)) is not None}
    over = {number: end for number, end in ends.items() if (end - now).total_seconds() < needed_s}
    if not over:
        return
    first = min(over)
    last = max(over.values())
    left = (last - now).total_seconds()
    if left > 0:
        when = f"end at {_shown(last)}, in {left:.0f} s, before they can be fetched"
    else:
        when = f"have expired: the last one at {_shown(last)}, {_ago(-left)} before the job began"
    raise InvalidJob(
        f"The presigned URLs of {len(over)} of {len(urls)} {what} (from '{field}[{first}]' on) {when}.", hint=ADVICE
    )


def why_refused(status: int, url: str, now: datetime | None = None) -> str | None:
    """The reason in words, where a store refused a photo because its URL has ended."""
    end = expiry(url)
    if end is None or status not in _REFUSALS or (now or datetime.now(UTC)) < end:
        return None
    return f"its presigned URL expired at {_shown(end)}, before it was fetched"


def _shown(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"


def _ago(seconds: float) -> str:
    minutes = seconds / 60
    if minutes < 1:
        return f"{seconds:.0f} s"
    return f"{minutes:.0f} min" if minutes < 120 else f"{minutes / 60:.0f} h"
