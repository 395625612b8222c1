"""What the stand-ins for NVIDIA's libcuda have in common, that of one thread a block (`one_thread`) and that of all its
threads in turn (`many_threads`): the kernels' own source, compiled with a driver around it."""

from __future__ import annotations

import atexit
import functools
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

SUPPORT = Path(__file__).parent
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


@functools.cache
def _driver(compiler: str, source: str) -> Path:
    """The driver, compiled once for all tests of this process."""
    folder = Path(tempfile.mkdtemp(prefix="driver-"))
    atexit.register(shutil.rmtree, folder)
    sources = [SUPPORT / "fake_libcuda.cpp", SUPPORT / source]
    subprocess.run([compiler, *_FLAGS, *sources, "-o", folder / "libcuda.so.1"], check=True)
    return folder / "libcuda.so.1"


def with_driver(folder: Path, source: str, threads: str) -> dict[str, str]:
    """The environment of a process that has a GPU of this source in this folder; `folder` gets its driver, once.

    Skips the test where none can be.

    Args:
        threads: how its name goes on after its architecture.
    """
    _cuda = pytest.importorskip("splatworker._cuda", reason="built without CUDA kernels")
    compiler = shutil.which("g++")
    if compiler is None:
        pytest.skip("needs g++")
    if not (folder / "libcuda.so.1").exists():
        shutil.copy(_driver(compiler, source), folder / "libcuda.so.1")
    architecture = min(architecture for architecture, _ in _cuda.architectures)
    clean = {name: value for name, value in os.environ.items() if name not in ("CUDA_VISIBLE_DEVICES", "LD_PRELOAD")}
    name = f"{architecture // 10}.{architecture % 10} {threads}"
    return clean | {"LD_LIBRARY_PATH": str(folder), "FAKE_CUDA_DEVICES": name}
