"""Photos, jobs and settings for the tests of the worker."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from splatworker.worker.session import WorkerSettings

STAND_IN = Path(__file__).with_name("stand_in.py")


def stand_in(*faults: str) -> tuple[str, ...]:
    """A stage command with instant answers: `stand_in("train=hang")` makes the trainer hang."""
    return (sys.executable, str(STAND_IN), *faults, "--")


def write_photos(folder: Path, count: int = 6, size: tuple[int, int] = (160, 120), seed: int = 0) -> list[Path]:
    """Photos that are all different, as JPEG files."""
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(seed)
    paths = []
    for number in range(1, count + 1):
        coarse = random.integers(0, 256, size=(12, 16, 3), dtype=np.uint8)
        path = folder / f"IMG_{number:04d}.jpg"
        Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC).save(path, quality=90)
        paths.append(path)
    return paths


def slow(*values: str) -> list[Any]:
    """Values of a parameter for the long run only: others stand for them in the short one."""
    return [pytest.param(value, marks=pytest.mark.slow) for value in values]


def local_job(photos: list[Path], target: Path | str, **more: Any) -> dict[str, Any]:
    """The event of a job of files on this machine."""
    return {"id": "job-1", "input": {"image_urls": [str(p) for p in photos], "upload_url": str(target), **more}}


def do(event: dict[str, Any], *faults: str, settings: WorkerSettings | None = None) -> dict[str, Any]:
    """Do a job with the stand-ins; its answer."""
    import handler

    return asyncio.run(handler.handler(event, settings or WorkerSettings(local=True, command=stand_in(*faults))))
