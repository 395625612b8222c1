"""What a stage that crashed has died of, by its last words: libraries say it in theirs, and not as errors of ours."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from splatworker.errors import DiskFull, GpuFailed, MachineError, OutOfMemory, StageCrashed

_OUT_OF_GPU_MEMORY = re.compile(r"CUDA out of memory|cudaErrorMemoryAllocation|CUDA_ERROR_OUT_OF_MEMORY")
_GPU_FAILURE = re.compile(
    r"CUDA error|cudaError[A-Z]|CUDA_ERROR_|CUDA driver|CUDA failure|CudaSafeCall"
    r"|cuBLAS|cuDNN error|NVML|AcceleratorError"
)
_DISK_FULL = re.compile(r"database or disk is full|No space left on device")


@contextmanager
def explain_crash(stage: str) -> Iterator[None]:
    """Raise what a crash was about, where its log tells, in place of StageCrashed; its notes are kept."""
    try:
        yield
    except StageCrashed as crash:
        notes = getattr(crash, "__notes__", ())
        error = _cause("\n".join(notes), stage)
        if error is None:
            raise
        for note in notes:
            error.add_note(note)
        raise error from None


def _cause(last_words: str, stage: str) -> MachineError | None:
    if _OUT_OF_GPU_MEMORY.search(last_words):
        return OutOfMemory(
            f"The GPU's memory ran out during the stage '{stage}'.",
            hint="Use a GPU with more memory, or fewer or smaller photos.",
            stage=stage,
        )
    if _DISK_FULL.search(last_words):
        return DiskFull(
            f"The disk is full: the stage '{stage}' could not write.",
            hint="Free some space, or give the workspace a larger disk (SPLATWORKER_WORKSPACE).",
            stage=stage,
        )
    if _GPU_FAILURE.search(last_words):
        return GpuFailed(
            f"The GPU or its driver failed during the stage '{stage}'.", hint="Send the job again.", stage=stage
        )
    return None
