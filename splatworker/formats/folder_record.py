"""A folder's record of the files that splatworker wrote into it: which of those there are still as they were left.

    {"made_by": "splatworker 0.1.0", "files": {"splat.ply": [1234, 1764326400000000000], "scene.part": null}}

It is `.splatworker.json`, and has each file's size and time. A file with `null` is being written.
"""

from __future__ import annotations

import fcntl
import json
import os
import stat
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import splatworker
from splatworker.formats.atomic import write_text
from splatworker.formats.side_files import json_of

RECORD = ".splatworker.json"

COARSE_NS = 2 * 10**9
"""Archives and some disks keep times only to whole or even seconds."""

_Stamp = tuple[int, int] | None
"""Size in bytes and time of the last change in nanoseconds; None while it is written."""

Earlier = Callable[[Path], Iterable[str]]
"""Finds the files of ours in a folder that has no record, as versions before there was one have left it."""


class Kind(NamedTuple):
    """A kind of folder that is filled as a whole.

    Attributes:
        is_ours: whether a file of this path in it, such as `images/1.jpg`, stands where we write.
        earlier: how those of versions without a record are known.
    """

    is_ours: Callable[[str], bool]
    earlier: Earlier


def recorded(folder: Path) -> dict[str, _Stamp]:
    """The files that a folder's record tells of, by their paths in it; none where there is no record."""
    try:
        files = json_of(folder / RECORD)["files"]
        noted = {str(name): None if entry is None else (int(entry[0]), int(entry[1])) for name, entry in files.items()}
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, OverflowError):
        return {}
    return {name: stamp for name, stamp in noted.items() if not (Path(name).is_absolute() or ".." in Path(name).parts)}


def record(folder: Path, written: Iterable[str], stage: str, *, planned: Iterable[str] = ()) -> None:
    """Note the files that were written in a folder, as they are now, and those that will be; forget all others.

    Raises:
        DiskFull, SplatError: as `atomic_file`.
    """
    _write_record(folder, {**dict.fromkeys(planned), **_stamps(folder, written)}, stage)


def record_also(folder: Path, written: Iterable[str], stage: str, *, planned: Iterable[str] = ()) -> None:
    """Note files beside those that are noted; several processes may at once. Those that are not there are forgotten.

    Raises:
        DiskFull, SplatError: as `atomic_file`.
    """
    planned, lock = list(planned), os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        noted = {**recorded(folder), **dict.fromkeys(planned), **_stamps(folder, written)}
        there = {name: stamp for name, stamp in noted.items() if name in planned or os.path.lexists(folder / name)}
        if there:
            _write_record(folder, there, stage)
        else:
            (folder / RECORD).unlink(missing_ok=True)
    finally:
        os.close(lock)


def _stamps(folder: Path, names: Iterable[str]) -> dict[str, _Stamp]:
    stamps: dict[str, _Stamp] = {}
    for name in names:
        with suppress(FileNotFoundError):
            stamps[name] = _stamp(folder / name)
    return stamps


def _write_record(folder: Path, stamps: dict[str, _Stamp], stage: str) -> None:
    files = {name: stamps[name] for name in sorted(stamps)}
    document = {"made_by": f"splatworker {splatworker.__version__}", "files": files}
    write_text(folder / RECORD, json.dumps(document) + "\n", stage)


def made_here(folder: Path) -> bool:
    """Whether a command of ours has filled this folder: what is in it is no input, such as photos in sub-folders."""
    return bool(recorded(folder))


def ours(folder: Path, earlier: Earlier | None = None) -> list[str]:
    """The files in a folder that are ours and as we left them, by their paths in it."""
    noted = recorded(folder)
    if not noted and earlier is not None:
        return [name for name in earlier(folder) if _is_plain(folder, name)]
    return [name for name, stamp in noted.items() if _is_plain(folder, name) and _unchanged(folder / name, stamp)]


def _stamp(path: Path) -> tuple[int, int]:
    found = path.lstat()
    return found.st_size, found.st_mtime_ns


def _is_plain(folder: Path, name: str) -> bool:
    """Whether there is a file, not a link to one, nor below a link to a folder: those are the person's."""
    try:
        above = [folder / part for part in Path(name).parents if part != Path()]
        return all(stat.S_ISDIR(path.lstat().st_mode) for path in above) and stat.S_ISREG(
            (folder / name).lstat().st_mode
        )
    except (OSError, ValueError):
        return False


def _unchanged(path: Path, stamp: _Stamp) -> bool:
    if stamp is None:
        return True
    (size, time), (was, then) = _stamp(path), stamp
    coarse = time % 10**9 == 0 and abs(time - then) <= COARSE_NS
    return size == was and (time == then or coarse)
