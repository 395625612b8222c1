"""What a crashed stage died of, by the end of its log."""

from __future__ import annotations

import pytest

from splatworker.errors import DiskFull, GpuFailed, NoOverlap, OutOfMemory, SplatError, StageCrashed
from splatworker.stages.crash_cause import explain_crash


def crash(log: str) -> None:
    error = StageCrashed("The stage 'train' crashed (exit status 1).", stage="train")
    error.add_note(log)
    with explain_crash("train"):
        raise error


@pytest.mark.parametrize(
    ("log", "kind"),
    [
        ("torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2 GiB", OutOfMemory),
        ("RuntimeError: CUDA error: an illegal memory access was encountered", GpuFailed),
        ("RuntimeError: cuDNN error: CUDNN_STATUS_INTERNAL_ERROR", GpuFailed),
        ("sqlite3: database or disk is full", DiskFull),
        ("OSError: [Errno 28] No space left on device", DiskFull),
        ("Segmentation fault", StageCrashed),
    ],
)
def test_the_cause_is_the_error_and_the_log_stays(log: str, kind: type[SplatError]) -> None:
    with pytest.raises(kind) as caught:
        crash(log)
    assert type(caught.value) is kind
    assert caught.value.stage == "train"
    assert caught.value.__notes__ == [log]


def test_an_error_that_a_stage_sent_is_left_alone() -> None:
    with pytest.raises(NoOverlap), explain_crash("sfm"):
        raise NoOverlap("CUDA out of memory")
