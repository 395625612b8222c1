"""A GPU for our own kernels of features, matches and adjustments, where there is one: the same bytes, sooner.

It is opened in a thread of its own while photos are read, which takes some tenths of a second, and nobody waits for it:
what comes before it is open is the processors' work. So is all that comes after it has failed once, which is said.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

from splatworker.sfm import sift

T = TypeVar("T")

_NONE_THERE = ("no_driver", "no_gpu")


class Accelerator:
    """The first GPU that the process sees; none where it is not `wanted`."""

    def __init__(self, wanted: bool = False) -> None:
        self._is_open = threading.Event()
        self._trouble = ""
        self._steps: set[str] = set()
        if wanted:
            threading.Thread(target=self._open, name="gpu", daemon=True).start()

    def _open(self) -> None:
        code, reason = sift.gpu_obstacle()
        if not code:
            self._is_open.set()
        elif code not in _NONE_THERE:
            self._trouble = reason

    @property
    def is_ready(self) -> bool:
        """It is open, and has not failed."""
        return self._is_open.is_set() and not self._trouble

    def work(self, step: str, call: Callable[[], T]) -> T | None:
        """What `call` does on the GPU for a step, such as "matching"; None where the processors must, from now on."""
        if not self.is_ready:
            return None
        try:
            done = call()
        except RuntimeError as error:
            self._trouble = str(error)
            return None
        self._steps.add(step)
        return done

    @property
    def steps(self) -> tuple[str, ...]:
        """The steps of which it did some of the work."""
        return tuple(sorted(self._steps))

    @property
    def remark(self) -> str:
        """A sentence for the user where it failed, else empty."""
        if not self._trouble:
            return ""
        return f"The GPU was not used for the cameras, or not to the end ({self._trouble}): processors did its work."


NONE = Accelerator()
