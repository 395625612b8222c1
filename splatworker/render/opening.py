"""Opening the GPU before anybody asks for it: its driver takes two tenths of a second, which need not be waited for.

Loads nothing but the kernels' own module, and that in a thread.
"""

from __future__ import annotations

import os
import threading

ARRAYS = "SPLATWORKER_ARRAYS"
"""The environment variable that says whose arrays are used on a GPU (`backend.arrays_on_gpu`)."""


GPUS = ("auto", "cuda")
"""The names of a device that may mean a GPU."""


def open_soon(device: str) -> threading.Thread | None:
    """Begin to open the GPU, where a device's name may mean one; whoever asks for it then waits for the rest.

    What is wrong with it is told to whoever asks. None where none is wanted, or where torch opens it.
    """
    if device not in GPUS or os.environ.get(ARRAYS) == "torch":
        return None
    # Not a daemon: the interpreter waits for the driver before it takes the ground from under it.
    thread = threading.Thread(target=_open, name="opens the GPU")
    thread.start()
    return thread


def _open() -> None:
    try:
        from splatworker import _cuda  # noqa: PLC0415 - 2 MB for each kind of GPU
    except ImportError:
        return  # built without kernels
    _cuda.obstacle(0)
