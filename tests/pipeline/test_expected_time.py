"""What doctor tells of a job's time follows what was measured."""

from __future__ import annotations

import pytest

from splatworker.pipeline.expected_time import expected


def test_faster_machines_are_told_shorter_times() -> None:
    here = expected(0.5, 0.3, 2, gpu=False)
    assert here.preview
    assert expected(0.25, 0.3, 2, gpu=False).cameras == pytest.approx(here.cameras / 2)
    assert expected(0.5, 0.1, 2, gpu=False).training == pytest.approx(here.training / 3)
    assert expected(0.5, 0.3, 16, gpu=False).cameras < here.cameras / 2


def test_a_gpu_trains_the_whole_and_not_a_preview() -> None:
    gpu = expected(0.5, 0.001, 16, gpu=True)
    assert not gpu.preview
    assert 3 < gpu.training < 7  # 7000 steps of a millisecond at most, a third of them on shrunk photos
