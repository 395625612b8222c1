"""A job is done once, however often the queue hands it out: by its id and all that it asks for.

An id alone says little: where callers bring ids of their own, two of them may bring the same.
"""

from __future__ import annotations

import asyncio
import copy
import hashlib
import json
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Any

REMEMBERED = 32
"""How many finished jobs are remembered; of failed ones none, for whoever sends them again wants another try."""

Handler = Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]


def deduplicate_jobs(handler: Handler) -> Handler:
    """`handler`, which for a job that it has answered with success, or is at work on, gives that answer again."""
    done: OrderedDict[str, dict[str, Any]] = OrderedDict()
    under_way: dict[str, asyncio.Event] = {}

    async def answer(event: dict[str, Any]) -> dict[str, Any]:
        job = key_of(event)
        if job is None:
            return await handler(event)
        while job in under_way:
            await under_way[job].wait()
        if job not in done:
            under_way[job] = asyncio.Event()
            try:
                result = await handler(event)
            finally:
                under_way.pop(job).set()
            if result.get("status") != "success":
                return result
            done[job] = result
            while len(done) > REMEMBERED:
                done.popitem(last=False)
        # A copy: the platform's SDK takes keys out of what it is given.
        return copy.deepcopy(done[job])

    return answer


def key_of(event: dict[str, Any]) -> str | None:
    """The same for the same job only; None for one without an id, and for what no queue has sent."""
    if not isinstance(event.get("id"), str) or not event["id"]:
        return None
    try:
        whole = json.dumps([event["id"], event.get("input")], sort_keys=True)
    except (TypeError, ValueError, RecursionError):
        return None
    return hashlib.sha256(whole.encode()).hexdigest()
