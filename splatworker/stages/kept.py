"""Code that stays: garbage collection neither while it is imported, nor of it, ever.

Nothing of what an import makes is garbage, and there is much of it. To look through it a dozen times on the way is a
fourteenth of what the trainer's imports take, and once more at the end takes as long as a hundred iterations.
"""

from __future__ import annotations

import gc


class kept:  # noqa: N801 - used as a function; contextlib is not loaded yet
    """What is made within the block is left alone by the garbage collector, then and later."""

    def __enter__(self) -> None:
        self._collects = gc.isenabled()
        gc.disable()

    def __exit__(self, *_: object) -> None:
        gc.freeze()
        if self._collects:
            gc.enable()
