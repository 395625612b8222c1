"""The kernels compile for arm64, where only their portable form exists."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

KERNELS = Path(__file__).parents[2] / "kernels"
PORTABLE = [
    *(KERNELS / "cpu" / f"{name}.cpp" for name in ("binning", "dispatch", "isa_kernels", "neighbors", "renderer")),
    KERNELS / "matching" / "nearest_plain.cpp",
]
COMPILER = shutil.which("aarch64-linux-gnu-g++")


@pytest.mark.skipif(COMPILER is None, reason="no compiler for arm64 here: scripts/setup-tools installs one")
@pytest.mark.parametrize("source", PORTABLE, ids=lambda path: path.name)
def test_kernels_compile(source: Path, tmp_path: Path) -> None:
    flags = ["-std=c++17", "-O1", "-fPIC", "-fopenmp", "-Wall", "-Wextra", "-Werror", "-Wno-psabi"]
    assert COMPILER is not None
    command: list[str | Path] = [COMPILER, *flags, "-DSPLAT_ISA=baseline", "-c", source, "-o", tmp_path / "kernel.o"]
    subprocess.run(command, check=True)
    header = (tmp_path / "kernel.o").read_bytes()[:20]
    assert header[:4] == b"\x7fELF"
    assert header[18] == 183  # EM_AARCH64
