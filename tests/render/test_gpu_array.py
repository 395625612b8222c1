"""Our own arrays on a GPU, and whole trainings and exports on them, on a GPU of one thread a block.

In one process, since no other may have that driver; what it runs stands beside what it is about.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from support.one_thread import one_thread_gpu

TESTS = Path(__file__).parents[1]
CASES = [
    "render/gpu_array_cases.py",
    "render/gpu_kernel_cases.py",
    "train/own_gpu_cases.py",
    "export/own_gpu_cases.py",
    "commands/own_gpu_cases.py",
]


def test_kernels_are_their_twins_and_trainings_and_exports_those_of_a_cpu(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:randomly"]
    command += [str(TESTS / path) for path in CASES]
    environment = one_thread_gpu(tmp_path, SPLATWORKER_ARRAYS="own")
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert "passed" in done.stdout
