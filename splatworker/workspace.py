"""The folder of one job: fresh, private, and gone when the job is.

incoming/    photos as they came         images/     photos, decoded
scene/       COLMAP's result             model/      the trainer's
artifacts/   what is delivered           logs/       what the stages printed

Photos that are under way are in incoming-arriving/; what a stage leaves in tmp/ is nobody's business.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from splatworker.errors import DiskFull, OutOfMemory, from_os_error
from splatworker.machine import available_memory

LEAST_DISK = 64 * 2**20
"""Bytes that every stage needs free on the disk, whatever its input."""

LEAST_MEMORY = 512 * 2**20

NEWBORN_SECONDS = 10.0
"""A workspace so young may not be locked yet."""

_PREFIX = ".splat-"


@contextmanager
def private_workspace(parent: Path | None = None) -> Iterator[Path]:
    """A new folder that nobody else may read, removed on the way out whatever happens.

    Args:
        parent: where to make it; without it, in `SPLATWORKER_WORKSPACE`, or the system's folder for such.
    """
    where = parent or os.environ.get("SPLATWORKER_WORKSPACE") or tempfile.gettempdir()
    try:
        _sweep(Path(where))
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=where))
        lock = os.open(folder, os.O_RDONLY)
    except OSError as error:
        raise from_os_error(error, "pipeline") from None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield folder
    finally:
        shutil.rmtree(folder, onerror=_make_removable)
        os.close(lock)


def _sweep(parent: Path) -> None:
    """Remove the workspaces of workers that were killed: those of ours that nobody holds a lock on."""
    for folder in parent.glob(f"{_PREFIX}*"):
        try:
            if folder.stat().st_uid != os.getuid() or time.time() - folder.stat().st_mtime < NEWBORN_SECONDS:
                continue
            lock = os.open(folder, os.O_RDONLY)
        except OSError:
            continue
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, onerror=_make_removable)
        except OSError:
            continue  # somebody is at work there
        finally:
            os.close(lock)


def _make_removable(function: Any, path: str, _: Any) -> None:
    """Remove what a stage has locked; nothing is left to do about what cannot be removed even so."""
    try:
        Path(path).parent.chmod(stat.S_IRWXU)
        Path(path).chmod(stat.S_IRWXU)
        function(path)
    except OSError:
        return


def check_room(workspace: Path, stage: str, needed: int) -> None:
    """Refuse to start a stage that cannot end well.

    Args:
        needed: bytes that the stage will write, as far as can be told.

    Raises:
        DiskFull, OutOfMemory: too little is free.
    """
    free, needed = shutil.disk_usage(workspace).free, needed + LEAST_DISK
    if free < needed:
        raise DiskFull(
            f"The disk is nearly full: {stage} needs {needed >> 20} MiB, and {free >> 20} MiB are free.",
            hint="Free some space, or give the workspace a larger disk (SPLATWORKER_WORKSPACE).",
            stage=stage,
        )
    memory = available_memory()
    if memory is not None and memory < LEAST_MEMORY:
        raise OutOfMemory(
            f"Only {memory >> 20} MiB of memory are free before {stage}.",
            hint="Use a machine with more memory, or stop what else runs on it.",
            stage=stage,
        )


def size_of(folder: Path) -> int:
    """Bytes of the files in and below a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
