"""A GPU whose blocks have all their threads, one after the other, for processes that have none: a stand-in for NVIDIA's
libcuda that runs the kernels of matching, of exposures and of plane sweeps, from their own source, on the processor."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

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


def many_threads_gpu(folder: Path) -> Mapping[str, str]:
    """The environment of a process that has such a GPU; `folder` gets its driver. Skips the test where none can be."""
    _cuda = pytest.importorskip("splatworker._cuda", reason="built without CUDA kernels")
    compiler = shutil.which("g++")
    if compiler is None:
        pytest.skip("needs g++")
    sources = [_SUPPORT / "fake_libcuda.cpp", _SUPPORT / "many_threads_gpu.cpp"]
    subprocess.run([compiler, *_FLAGS, *sources, "-o", folder / "libcuda.so.1"], check=True)
    architecture = min(architecture for architecture, _ in _cuda.architectures)
    clean = {name: value for name, value in os.environ.items() if name not in ("CUDA_VISIBLE_DEVICES", "LD_PRELOAD")}
    return clean | {
        "LD_LIBRARY_PATH": str(folder),
        "FAKE_CUDA_DEVICES": f"{architecture // 10}.{architecture % 10} one thread after another",
        "PYTHONPATH": str(_SUPPORT.parent),
    }
