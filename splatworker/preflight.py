"""Pre-flight checks: refuse a job that cannot end well before anything is fetched or paid for."""

from __future__ import annotations

import math
import os
import time
from datetime import UTC, datetime

from splatworker import net, ownership
from splatworker.deliver.upload import check_lifetime, expiry
from splatworker.deliver.webhook import is_secret
from splatworker.errors import InvalidJob, SplatError
from splatworker.job import Job

DEADLINE = "SPLATWORKER_DEADLINE_S"
"""The environment's deadline: the platform's execution timeout, less a little."""

UPLOAD_LIFETIME_S = 300.0
"""Seconds that an upload URL must still live: no job of useful size is done sooner."""

PHOTO_LIFETIME_S = 30.0


def check(job: Job, *, local: bool) -> float | None:
    """Check the job's URLs, and when it must be done: `time.monotonic()`, or None for whenever it is.

    The deadline is the soonest of the job's own, the environment's, and the end of the upload URL: once that has
    ended, every further second would be paid for nothing.

    Args:
        job: the job.
        local: paths and `file:` URLs are welcome; only ever true for a job file on a command line.

    Raises:
        InvalidJob: a URL may not be fetched, or ends too soon; a path has a file that is not ours, or cannot be one.
    """
    seconds = _deadline(job)
    for number, url in enumerate(job.image_urls):
        if not (local and net.local_path(url)):
            field = f"image_urls[{number}]"
            net.check_url(url, field)
            check_lifetime(url, field, PHOTO_LIFETIME_S)
    targets = {"upload_url": job.upload_url, **{f"outputs.{name}": url for name, url in job.outputs.items()}}
    given = [path for url in job.image_urls if local and (path := net.local_path(url))]
    for field, url in targets.items():
        if local and (target := net.local_path(url)):
            ownership.demand_usable(target.parent, field, "input")
            ownership.demand_names_free(target.parent, [target.name], field, "input", given=given)
        else:
            net.check_url(url, field)
            check_lifetime(url, field, min(UPLOAD_LIFETIME_S, seconds or UPLOAD_LIFETIME_S))
    if job.webhook_url is not None:
        net.check_url(job.webhook_url, "webhook_url")
    if job.webhook_secret is not None and not is_secret(job.webhook_secret):
        raise InvalidJob(
            "The field 'webhook_secret' is no secret of the Standard Webhooks.",
            hint="Give 'whsec_' and 24 to 64 bytes in base64.",
        )
    end = expiry(job.upload_url)
    if end is not None:
        left = (end - datetime.now(UTC)).total_seconds()
        seconds = left if seconds is None else min(seconds, left)
    return None if seconds is None else time.monotonic() + seconds


def _deadline(job: Job) -> float | None:
    """Seconds that the job may take: the sooner of the job's and the environment's deadline."""
    return min((given for given in (job.deadline_s, environment_deadline()) if given is not None), default=None)


def environment_deadline() -> float | None:
    """Seconds that any job may take on this worker.

    Raises:
        SplatError: the variable holds something else; a limit that is silently none would be paid for.
    """
    told = os.environ.get(DEADLINE, "")
    if not told:
        return None
    try:
        seconds = float(told)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds < math.inf:
        raise SplatError(f"{DEADLINE} is '{told[:40]}', and must be a number of seconds above 0.")
    return seconds
