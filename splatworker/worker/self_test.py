"""`{"self_test": true}` as a job: make a splat of the example photos, to see what a machine can do.

For whoever sets an endpoint up, and for the platform's own tests: it needs no photos, no bucket and no webhook. The
answer is that of any job; the splat is thrown away.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from splatworker.stages.workspace import private_workspace
from splatworker.worker.session import WorkerSettings

EXAMPLES = Path("examples") / "photos"
MOST_SECONDS = 1800.0


def is_self_test(event: dict[str, Any]) -> bool:
    """Whether the job is that one, to the letter."""
    return event.get("input") == {"self_test": True}


async def self_test(
    event: dict[str, Any], settings: WorkerSettings, handler: Callable[..., Awaitable[dict[str, Any]]], folder: Path
) -> dict[str, Any]:
    """The answer of a job of the example photos in `folder` of the worker."""
    photos = sorted((folder / EXAMPLES).glob("*.jpg"))
    with private_workspace() as target:
        job = {
            "image_urls": [str(photo) for photo in photos],
            # A folder of its own: the workspace's is locked for as long as it is in use.
            "upload_url": str(target / "delivered" / "point_cloud.ply"),
            "params": {"eval": True},
            "public_url": "about:self-test",
            "deadline_s": MOST_SECONDS,
        }
        # Paths instead of URLs are the worker's own here, not the caller's.
        return await handler(event | {"input": job}, dataclasses.replace(settings, local=True))
