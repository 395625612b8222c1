"""Fetch, upload and notify: the stages that talk to the network, as the worker starts them.

The child's side is `network_cli`.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from splatworker import limits, net
from splatworker.errors import SplatError
from splatworker.pipeline import Arrival, Photos, stage_deadline
from splatworker.process import STAGE_COMMAND, run_stage
from splatworker.progress import Overall, Silent
from splatworker.workspace import check_room

WEBHOOK_SECONDS = limits.value("SPLATWORKER_WEBHOOK_S")
"""The longest that a job's end is held up by a webhook, all tries together."""

LEAST_WEBHOOK_SECONDS = 15.0
"""... and the time that it has in any case, also when the job's is used up."""

UPLOAD_SECONDS = limits.value("SPLATWORKER_UPLOAD_S") + 60.0
"""The longest that an upload may take, all tries together."""

LAST_WORD_SECONDS = 3.0
"""The same, when the worker must stop: one try."""


def fetch(
    urls: Sequence[str],
    workspace: Path,
    report: Overall,
    *,
    local: bool,
    deadline: float | None,
    command: Sequence[str] = STAGE_COMMAND,
) -> Arrival:
    """The photos of a job, on their way to `incoming/`."""
    folder = workspace / "incoming"
    return Arrival(folder, _fetched(urls, folder, workspace, report, local=local, deadline=deadline, command=command))


async def _fetched(
    urls: Sequence[str],
    folder: Path,
    workspace: Path,
    report: Overall,
    *,
    local: bool,
    deadline: float | None,
    command: Sequence[str],
) -> Photos:
    check_room(workspace, "fetch", 0)
    started = time.monotonic()
    fetched = await run_stage(
        "fetch",
        [],
        workspace=workspace,
        report=report.stage("fetch"),
        deadline=stage_deadline("fetch", deadline),
        request={"urls": [_absolute(url, local=local) for url in urls], "folder": str(folder), "local": local},
        command=command,
    )
    index = {name: int(number) for number, name in fetched["files"].items()}
    return Photos(folder, index, fetched["rejected"], round(time.monotonic() - started, 2))


def webhook_seconds(deadline: float | None) -> float:
    """How long telling a job's end may take: what is left of the job's time."""
    if deadline is None:
        return WEBHOOK_SECONDS
    return min(WEBHOOK_SECONDS, max(LEAST_WEBHOOK_SECONDS, deadline - time.monotonic()))


async def upload(
    path: Path,
    url: str,
    workspace: Path,
    report: Overall,
    *,
    local: bool,
    deadline: float | None,
    command: Sequence[str] = STAGE_COMMAND,
    content_type: str | None = None,
) -> int:
    """Hand a file over, as of a type where one is given; the bytes it has.

    Needs next to no room, and is not refused for want of it: what the job was for is there.
    """
    longest = time.monotonic() + UPLOAD_SECONDS
    uploaded = await run_stage(
        "upload",
        [],
        workspace=workspace,
        report=report.stage("deliver"),
        deadline=longest if deadline is None else min(longest, deadline),
        request={
            "path": str(path),
            "url": _absolute(url, local=local),
            "local": local,
            "content_type": content_type,
        },
        command=command,
    )
    size: int = uploaded["file_size"]
    return size


async def notify(
    url: str,
    message: dict[str, Any],
    secret: str | None,
    workspace: Path,
    *,
    seconds: float = WEBHOOK_SECONDS,
    tries: int | None = None,
    command: Sequence[str] = STAGE_COMMAND,
) -> str | None:
    """Tell a webhook; None, or why it could not be told."""
    try:
        await run_stage(
            "notify",
            [],
            workspace=workspace,
            report=Silent(),
            deadline=time.monotonic() + seconds,
            request={"url": url, "message": message, "secret": secret, "tries": tries},
            command=command,
        )
    except SplatError as error:
        return error.message
    except OSError as error:  # no room for its log, or for one more process: no reason to fail the job
        return f"The webhook could not be told: {error.strerror or error}."
    return None


def _absolute(url: str, *, local: bool) -> str:
    """A local path from where the caller stands: a child's working directory is another."""
    path = net.local_path(url) if local else None
    return url if path is None else str(path.absolute())
