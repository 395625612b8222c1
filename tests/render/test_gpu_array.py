"""Our own arrays on a GPU, on one of one thread a block: `gpu_array_cases.py`."""

from __future__ import annotations

from pathlib import Path

from support.one_thread import run_cases


def test_memory_arrays_and_kernels(tmp_path: Path) -> None:
    run_cases(Path(__file__).parent / "gpu_array_cases.py", tmp_path)
