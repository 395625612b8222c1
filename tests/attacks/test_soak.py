"""A few jobs of `bench/soak.py`: every fault of its list once, and one job with the real network and decoding."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SOAK = Path(__file__).parents[2] / "bench" / "soak.py"


@pytest.mark.parametrize("jobs", [17, pytest.param(200, marks=[pytest.mark.slow, pytest.mark.timeout(1800)])])
def test_every_job_is_answered_once_and_nothing_is_left(jobs: int) -> None:
    ended = subprocess.run(
        [sys.executable, str(SOAK), "--jobs", str(jobs), "--real-every", "17"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert ended.stderr == ""
