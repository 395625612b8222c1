"""A GPU of one thread a block, for processes that have none: a stand-in for NVIDIA's libcuda that runs the kernels of
SIFT, of two-view geometry and of arrays, from their own source, on the processor. Its memory is the host's."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from support.stand_in_gpu import with_driver

STAND_IN = "SPLATWORKER_ONE_THREAD_GPU"
"""Set where the GPU of a process is this one."""


def one_thread_gpu(folder: Path, **others: str) -> Mapping[str, str]:
    """The environment of a process that has such a GPU; `folder` gets its driver. Skips the test where none can be."""
    return with_driver(folder, "one_thread_gpu.cpp", "one thread") | {STAND_IN: "1"} | others
