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
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from splatworker.errors import DiskFull, MachineError, NoWorkspace, OutOfMemory, from_os_error
from splatworker.machine.limits import available_memory
from splatworker.stages.removal import open_folder, remove_tree

LEAST_DISK = 64 * 2**20
"""Bytes that every stage needs free on the disk, whatever its input."""

LEAST_MEMORY = 512 * 2**20

WORKSPACE = "SPLATWORKER_WORKSPACE"

_PREFIX = ".splat-"

_PREFIX_IN_OUTPUT = ".splat-worker-"
"""In a person's folder, where there may be folders of theirs whose names begin like the worker's."""


@contextmanager
def private_workspace(parent: Path | None = None, *, in_output: bool = False) -> Iterator[Path]:
    """A new folder that nobody else may read, removed on the way out whatever happens.

    Args:
        parent: where to make it; without it, in `SPLATWORKER_WORKSPACE`, or the system's folder for such.
        in_output: that is a person's folder: of what is left of killed processes only what is certainly ours goes.
    """
    try:
        where = parent or os.environ.get(WORKSPACE) or tempfile.gettempdir()
        _sweep(Path(where), in_output=in_output)
        folder, lock = _made_and_locked(where, _PREFIX_IN_OUTPUT if in_output else _PREFIX)
    except OSError as error:
        fault = from_os_error(error, "pipeline")
        if parent is None and not isinstance(fault, MachineError):
            raise _no_workspace(error) from None
        raise fault from None
    try:
        yield folder
    finally:
        remove_tree(folder)
        os.close(lock)


def _no_workspace(error: OSError) -> NoWorkspace:
    asked = os.environ.get(WORKSPACE)
    what = f"'{asked}', which {WORKSPACE} names, cannot be worked in" if asked else "There is no folder to work in"
    return NoWorkspace(
        f"{what}: {error.strerror or error}.",
        hint=f"Set {WORKSPACE} to a folder that may be written, on a disk with some gigabytes.",
    )


def _made_and_locked(where: str | Path, prefix: str) -> tuple[Path, int]:
    """A new folder, and the descriptor that holds its lock."""
    while True:
        folder = Path(tempfile.mkdtemp(prefix=prefix, dir=where))
        try:
            lock = open_folder(folder)
        except FileNotFoundError:
            continue  # another worker's sweep has seen it before it was locked
        fcntl.flock(lock, fcntl.LOCK_EX)
        if os.fstat(lock).st_nlink > 0 and folder.exists():
            return folder, lock
        os.close(lock)


def _sweep(parent: Path, *, in_output: bool) -> None:
    """Remove the workspaces of workers that were killed: folders of ours, no links, that nobody holds a lock on."""
    for folder in parent.glob(f"{_PREFIX_IN_OUTPUT}????????" if in_output else f"{_PREFIX}*"):
        try:
            lock = open_folder(folder)
        except OSError:
            continue
        try:
            private = stat.S_IMODE(os.fstat(lock).st_mode) == stat.S_IRWXU
            if os.fstat(lock).st_uid == os.getuid() and (private or not in_output):
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                remove_tree(folder)
        except OSError:
            continue  # somebody is at work there
        finally:
            os.close(lock)


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
