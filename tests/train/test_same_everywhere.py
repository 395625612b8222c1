"""`--deterministic` on the CPU: the same bytes, whatever more than AVX2 the processor has, and on however many."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from numpy._core._multiarray_umath import __cpu_dispatch__  # type: ignore[import-not-found]

from splatworker.render.cpu import THE_SAME_EVERYWHERE, CpuRenderer

TRAIN = """
import json, os, sys
processors, arguments = json.loads(sys.argv[1]), sys.argv[2:]
os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:processors])
import warnings
warnings.simplefilter("ignore")  # numpy does not know every name of what it is told to do without
from splatworker.cli import main
sys.exit(main(["train", *arguments]))
"""

BEYOND_AVX2 = [name for name in __cpu_dispatch__ if "512" in name or name == "X86_V4"]
AVX2_ONLY = {
    "SPLATWORKER_ISA": "avx2",
    "ATEN_CPU_CAPABILITY": "avx2",  # torch
    "ONEDNN_MAX_CPU_ISA": "AVX2",
    "MKL_ENABLE_INSTRUCTIONS": "AVX2",  # Intel's library, in torch
    "OPENBLAS_CORETYPE": "Haswell",
    "NPY_DISABLE_CPU_FEATURES": " ".join(BEYOND_AVX2),
    "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX512F,-AVX512VL,-AVX512BW,-AVX512DQ",
}
"""What each of those that choose their instructions at run time takes for a processor that has no AVX-512."""


def trained(scene: Path, model: Path, processors: int, environment: dict[str, str], density: str) -> bytes:
    arguments = [f"--{name}={value}" for name, value in {
        "iterations": 120, "densify_from_iter": 20, "densification_interval": 20, "densify_until_iter": 100,
        "densify_grad_threshold": 0.00005, "resolution": 1, "density": density,
    }.items()]  # fmt: skip
    folders = ["-s", str(scene), "-m", str(model)]
    command = [sys.executable, "-c", TRAIN, json.dumps(processors), *folders, *arguments, "--deterministic", "--quiet"]
    subprocess.run(command, env={**os.environ, **environment}, check=True)
    return (model / "point_cloud" / "iteration_120" / "point_cloud.ply").read_bytes()


@pytest.mark.parametrize("density", ["original", "revised"])
def test_the_same_bytes_without_avx512_and_on_one_processor(density: str, tiny_scene: Path, tmp_path: Path) -> None:
    here = trained(tiny_scene, tmp_path / "here", 2, {}, density)
    there = trained(tiny_scene, tmp_path / "there", 1, AVX2_ONLY, density)
    assert here == there
    assert len(here) > 20_000  # Gaussians were added: density control's sums and random numbers are in it


def test_it_is_the_kernels_choice_and_not_the_environments(monkeypatch: pytest.MonkeyPatch) -> None:
    for wish in ("baseline", "avx2", "avx512"):
        monkeypatch.setenv("SPLATWORKER_ISA", wish)
        assert CpuRenderer(deterministic=True).instruction_set in (THE_SAME_EVERYWHERE, "baseline")
    assert CpuRenderer().instruction_set == CpuRenderer(1).instruction_set
