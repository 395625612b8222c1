"""Who decodes videos: the processors, or an NVIDIA GPU where the operator says so."""

from __future__ import annotations

import os

VARIABLE = "SPLATWORKER_VIDEO_DECODER"
"""`cuda`: an NVIDIA GPU, as far as it can."""


def is_gpu() -> bool:
    """Whether an NVIDIA GPU is to decode them."""
    return os.environ.get(VARIABLE, "") == "cuda"
