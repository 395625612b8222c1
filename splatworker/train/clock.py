"""The seconds that a run spends on iterations alone."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from splatworker.render.arrays import Device
from splatworker.render.device import synchronise


class Clock:
    """Starts when made; stands still while `stopped`. Reading it waits for the device's work."""

    def __init__(self, device: Device) -> None:
        self._device = device
        self._excluded = 0.0
        self._start = self._now()

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """What happens in the block does not count: files written, photos scored."""
        before = self._now()
        yield
        self._excluded += self._now() - before

    def seconds(self) -> float:
        """Seconds since the start that count."""
        return self._now() - self._start - self._excluded

    def _now(self) -> float:
        synchronise(self._device)
        return time.monotonic()
