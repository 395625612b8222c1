"""Come to the end of something that must not be left half-done, whoever cancels whatever meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


async def undisturbed(work: Coroutine[Any, Any, T]) -> T:
    """What `work` comes to. A cancel that arrives meanwhile is raised when it has ended, and not before.

    The work has to end by itself, and soon.
    """
    task = asyncio.ensure_future(work)
    cancel: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError as arrived:
            cancel = arrived
    if cancel is not None:
        if not task.cancelled():
            task.exception()  # has been looked at
        raise cancel
    return task.result()
