"""A GPU whose blocks have all their threads, one after the other, for processes that have none: a stand-in for NVIDIA's
libcuda that runs the kernels of matching, two-view geometry, exposures and plane sweeps, from their own source, on the
processor."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from support.stand_in_gpu import SUPPORT, with_driver


def many_threads_gpu(folder: Path) -> Mapping[str, str]:
    """The environment of a process that has such a GPU; `folder` gets its driver. Skips the test where none can be."""
    driven = with_driver(folder, "many_threads_gpu.cpp", "one thread after another")
    return driven | {"PYTHONPATH": str(SUPPORT.parent)}
