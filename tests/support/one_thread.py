"""A GPU of one thread a block, for processes that have none: a stand-in for NVIDIA's libcuda that runs the kernels of
SIFT and of arrays, from their own source, on the processor. Its memory is the host's."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

STAND_IN = "SPLATWORKER_ONE_THREAD_GPU"
"""Set where the GPU of a process is this one."""

_SUPPORT = Path(__file__).parent
_FLAGS = [
    "-std=c++17",
    "-O2",
    "-ffp-contract=off",
    "-Wall",
    "-Wextra",
    "-Werror",
    "-Wno-attributes",
    "-Wno-unknown-pragmas",
    "-shared",
    "-fPIC",
]


def one_thread_gpu(folder: Path, **others: str) -> Mapping[str, str]:
    """The environment of a process that has such a GPU; `folder` gets its driver. Skips the test where none can be."""
    _cuda = pytest.importorskip("splatworker._cuda", reason="built without CUDA kernels")
    compiler = shutil.which("g++")
    if compiler is None:
        pytest.skip("needs g++")
    if not (folder / "libcuda.so.1").exists():
        sources = [_SUPPORT / "fake_libcuda.cpp", _SUPPORT / "one_thread_gpu.cpp"]
        subprocess.run([compiler, *_FLAGS, *sources, "-o", folder / "libcuda.so.1"], check=True)
    architecture = min(architecture for architecture, _ in _cuda.architectures)
    clean = {name: value for name, value in os.environ.items() if name not in ("CUDA_VISIBLE_DEVICES", "LD_PRELOAD")}
    mine = {
        "LD_LIBRARY_PATH": str(folder),
        "FAKE_CUDA_DEVICES": f"{architecture // 10}.{architecture % 10} one thread",
        STAND_IN: "1",
    }
    return clean | mine | others
