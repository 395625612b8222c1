"""Exports on our own arrays, on a GPU of one thread a block: `own_gpu_cases.py`."""

from __future__ import annotations

from pathlib import Path

from support.one_thread import run_cases


def test_exports_on_our_own_arrays_are_those_of_a_cpu(tmp_path: Path) -> None:
    run_cases(Path(__file__).parent / "own_gpu_cases.py", tmp_path)
