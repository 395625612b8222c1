"""Pre-flight checks: refuse a job that cannot end well before anything is fetched or paid for."""

from __future__ import annotations

import contextlib
import os
import posixpath
import re
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import unquote, urlsplit

from splatworker.contract.job import Job
from splatworker.deliver.messages import is_secret
from splatworker.deliver.put_headers import check_put_headers
from splatworker.errors import InvalidJob
from splatworker.formats import ownership
from splatworker.machine import operator_limits
from splatworker.network import url_rules
from splatworker.network.authorities import check_authorities
from splatworker.network.presigned import check_lifetime, expiry
from splatworker.photos.expired_photos import check_photos
from splatworker.worker.costs import check_costs
from splatworker.worker.public_address import environment_rule

DEADLINE = "SPLATWORKER_DEADLINE_S"
"""The environment's deadline: the platform's execution timeout, less a little. A stranger's job has one in any case."""

UPLOAD_LIFETIME_S = 300.0
"""Seconds that an upload URL must still live: no job of useful size is done sooner."""

PHOTO_LIFETIME_S = 30.0


def check(job: Job, *, local: bool) -> float | None:
    """Check the job's URLs and costs, and when it must be done: `time.monotonic()`, or None for whenever it is.

    The deadline is the soonest of the job's own, the environment's or else the default, and the end of the upload URL:
    once that has ended, every further second would be paid for nothing. A job of this machine's own user (`local`) may
    cost what it will, and has no deadline unless one is given.

    Args:
        job: the job.
        local: paths and `file:` URLs are welcome; only ever true for a job file on a command line.

    Raises:
        InvalidJob: a URL may not be fetched, ends too soon, or is another's target; a path has a file that is not ours.
        InvalidParam: the job costs more than a caller may ask for.
    """
    environment_rule()
    operator_limits.check()
    check_authorities()
    seconds = _deadline(job, local=local)
    if not local:
        check_costs(job)
    inputs = _inputs(job)
    for field, url in inputs.items():
        if not (local and url_rules.local_path(url)):
            url_rules.check_url(url, field)
            if field.startswith("video"):
                check_lifetime(url, field, PHOTO_LIFETIME_S)
    for start, what in (("image_urls", "photos"), ("mask_urls", "masks")):
        urls = [url for field, url in inputs.items() if field.startswith(start)]
        far = [url for url in urls if not (local and url_rules.local_path(url))]
        check_photos(far, PHOTO_LIFETIME_S, field=start, what=what)
    targets = {"upload_url": job.upload_url, **{f"outputs.{name}": url for name, url in job.outputs.items()}}
    given = [path for url in inputs.values() if local and (path := url_rules.local_path(url))]
    for field, url in targets.items():
        if local and (target := url_rules.local_path(url)):
            ownership.demand_usable(target.parent, field, "input")
            ownership.demand_names_free(target.parent, [target.name], field, "input", given=given)
        else:
            url_rules.check_url(url, field)
            check_lifetime(url, field, min(UPLOAD_LIFETIME_S, seconds or UPLOAD_LIFETIME_S))
            check_put_headers(url, field)
    _refuse_shared_targets(targets, inputs, local=local)
    if job.public_url is not None and not (local and _may_be_shown(job.public_url)):
        url_rules.check_form(job.public_url, "public_url")
    if job.webhook_url is not None:
        url_rules.check_url(job.webhook_url, "webhook_url")
    if job.webhook_secret is not None and not is_secret(job.webhook_secret):
        raise InvalidJob(
            "The field 'webhook_secret' is not a secret of Standard Webhooks.",
            hint="Give 'whsec_' and 24 to 64 bytes in base64: whsec_$(openssl rand -base64 32).",
        )
    end = expiry(job.upload_url)
    if end is not None:
        left = (end - datetime.now(UTC)).total_seconds()
        seconds = left if seconds is None else min(seconds, left)
    return None if seconds is None else time.monotonic() + seconds


def _inputs(job: Job) -> dict[str, str]:
    """Everything that is fetched, by its field."""
    return {
        **{f"image_urls[{number}]": url for number, url in enumerate(job.image_urls)},
        **({"video_url": job.video_url} if job.video_url is not None else {}),
        **{f"video_urls[{number}]": url for number, url in enumerate(job.video_urls)},
        **{f"mask_urls[{number}]": url for number, url in enumerate(job.mask_urls) if url is not None},
    }


def _refuse_shared_targets(targets: Mapping[str, str], inputs: Mapping[str, str], *, local: bool) -> None:
    """Refuse a target that another one would overwrite, or that is one of the photos, videos or masks.

    Raises:
        InvalidJob: with both fields' names.
    """
    taken = {_place(url, local=local): field for field, url in inputs.items()}
    for field, url in targets.items():
        other = taken.setdefault(_place(url, local=local), field)
        if other != field:
            raise InvalidJob(
                f"The fields '{other}' and '{field}' lead to the same place: one would overwrite the other.",
                hint="Give each a key of its own; a store does not look at a URL's query for it.",
            )


def _place(url: str, *, local: bool) -> tuple[object, ...]:
    """Where a URL leads, whatever key opens it: the same for two ways to write the same place."""
    if local and (path := url_rules.local_path(url)) is not None:
        return (path.resolve(),)
    parts = urlsplit(url)
    host = (parts.hostname or "").rstrip(".")
    with contextlib.suppress(UnicodeError):
        host = host.encode("idna").decode()
    # A store that speaks http and https keeps one thing under both.
    port = None if parts.port in (80, 443) else parts.port
    return host, port, posixpath.normpath("/" + unquote(parts.path).strip("/"))


def _may_be_shown(url: str) -> bool:
    """Whether it is a path or `about:` page, which only this machine's own user is told."""
    is_path = url_rules.local_path(url) is not None and not re.match(r"[A-Za-z][A-Za-z0-9+.-]*:", url)
    return url.isprintable() and (is_path or url.startswith(("about:", Path("/").as_uri())))


def _deadline(job: Job, *, local: bool) -> float | None:
    """Seconds that the job may take: the sooner of its own, and the environment's or the default."""
    of_worker = None if local and not os.environ.get(DEADLINE) else environment_deadline()
    return min((given for given in (job.deadline_s, of_worker) if given is not None), default=None)


def environment_deadline() -> float:
    """Seconds that any job may take on this worker.

    Raises:
        SplatError: the variable holds something else; a limit that is silently none would be paid for.
    """
    return operator_limits.checked_value(DEADLINE)
