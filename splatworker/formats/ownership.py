"""Whose the files in an output folder are: what a command may replace, and what it must leave alone.

A command replaces what an earlier one made, and never anything else: not what a person or another program put there,
and not a file of ours that somebody has changed since. `folder_record` tells which are ours. It is looked at before any
work begins, and a folder that cannot be used is refused in one sentence; `filling` does the rest after the work.
"""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Iterable, Iterator
from fnmatch import fnmatch
from pathlib import Path

from splatworker.errors import DiskFull, InvalidJob
from splatworker.formats.atomic import LONGEST_NAME
from splatworker.formats.folder_record import RECORD, Earlier, Kind, ours, recorded
from splatworker.formats.presence import is_there

LITTER = (".DS_Store", "._*", "Thumbs.db", "desktop.ini", ".directory", "lost+found", "@eaDir", ".splat-*")
"""What systems leave in every folder, and our own workspaces: no reason to refuse one, and left where it is."""

PROBE_BYTES = 4096


def demand_usable(folder: Path, option: str, stage: str) -> None:
    """Refuse an output folder that cannot be filled: a file, or on a disk that is read-only or full.

    Nothing is made: what is tried is the folder itself, or the one above it that is there already.

    Args:
        option: how the person gives it: an option for a folder, `-o`, or the name of what stands for a file, `OUT`.

    Raises:
        InvalidJob, DiskFull: with the folder as it was given.
    """
    given = place = _once_made(folder)
    hint = f"{_elsewhere(option)}."
    try:
        given.lstat()
    except OSError as error:
        if error.errno in (errno.ENAMETOOLONG, errno.ELOOP):
            raise _cannot_be_written(folder, error, hint, stage) from None
    while not os.path.lexists(place) and place != place.parent:
        place = place.parent
    if not place.is_dir():
        words = "is" if place == given else f"lies in '{place}', which is"
        kind = "a link to nothing" if place.is_symlink() and not place.exists() else "a file"
        raise InvalidJob(f"'{folder}' {words} {kind}, and a folder is needed.", hint=hint, stage=stage)
    if any(len(os.fsencode(part)) > os.pathconf(place, "PC_NAME_MAX") for part in given.parts):
        too_long = OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG))
        raise _cannot_be_written(folder, too_long, hint, stage)
    try:
        with tempfile.TemporaryFile(dir=place) as file:
            file.write(bytes(PROBE_BYTES))
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DiskFull(f"The disk of '{folder}' is full.", hint=f"Free some space. {hint}", stage=stage) from None
        raise _cannot_be_written(folder, error, hint, stage) from None


def _cannot_be_written(folder: Path, error: OSError, hint: str, stage: str) -> InvalidJob:
    reason = {
        errno.EROFS: "its disk is read-only",
        errno.EACCES: "there is no permission to write there",
        errno.EPERM: "there is no permission to write there",
        errno.ENAMETOOLONG: "its name is too long",
    }
    why = reason.get(error.errno or 0, error.strerror or str(error))
    return InvalidJob(f"'{folder}' cannot be written: {why}.", hint=hint, stage=stage)


def _once_made(path: Path) -> Path:
    """Where a path leads when the folders in it that are not there yet have been made: `new/../old` is `old`."""
    place = Path()
    for part in path.parts:
        if part == "..":
            place = place.resolve().parent if os.path.lexists(place) else place.parent
        else:
            place /= part
    return place


def demand_other(folder: Path, given: Path, option: str, stage: str) -> None:
    """Refuse to fill the very folder that is read.

    Raises:
        InvalidJob: with the folder as it was given.
    """
    if is_there(given) and _is_same(folder, given):
        raise _is_read(f"'{folder}' is what is to be read.", option, stage)


def demand_apart(folder: Path, given: Path, option: str, stage: str) -> None:
    """Refuse to fill a folder that is what is read, or holds it; links, letter case and mounts hide nothing.

    Raises:
        InvalidJob: with both as they were given.
    """
    demand_other(folder, given, option, stage)
    if is_there(given) and any(_is_same(folder, above) for above in given.resolve().parents):
        raise _is_read(f"'{folder}' holds what is to be read, '{given}'.", option, stage)


def _is_same(path: Path, other: Path) -> bool:
    """Whether a path leads to what is there already; also through a folder that is not there yet, `new/../old`."""
    place = _behind_links(path)
    return is_there(place) and place.samefile(other)


def _behind_links(path: Path) -> Path:
    """Where a path leads; what is a link to itself leads there."""
    return Path(os.path.realpath(path))


def _is_read(sentence: str, option: str, stage: str) -> InvalidJob:
    hint = f"{_elsewhere(option)}: what is read is never written to."
    return InvalidJob(sentence, hint=hint, stage=stage)


def _elsewhere(option: str) -> str:
    """What to do: for a folder that an option gives, or else a file."""
    return f"Give another folder with {option}" if option.startswith("-") else f"Give {option} another name"


def demand_free(folder: Path, kind: Kind, option: str, stage: str, *, beside: bool = False, hint: str = "") -> None:
    """Refuse a folder that holds something that is not ours, or that was changed since.

    Args:
        beside: whether other things may stand where we never write.
        hint: what else can be done than to give another folder.

    Raises:
        InvalidJob: with the folder as it was given, and one of the files.
    """
    place = folder.resolve()
    if place.is_dir():
        for name in strangers(place, ours(place, kind.earlier)):
            if kind.is_ours(name) or not beside:
                raise _is_somebodys(folder, name, option, stage, hint if not kind.is_ours(name) else "")


def demand_names_free(
    folder: Path,
    names: Iterable[str],
    option: str,
    stage: str,
    *,
    given: Iterable[Path] = (),
    earlier: Earlier | None = None,
) -> None:
    """Refuse a folder in which something that is not ours stands where one of these files will be written.

    Args:
        given: what is read, and so not written either.

    Raises:
        InvalidJob: with the folder as it was given, and one of the files.
    """
    place = _behind_links(folder)
    known = set(ours(place, earlier)) if is_there(place) and place.is_dir() else set()
    sources = [source for source in given if is_there(source)]
    for name in names:
        if any(_is_same(folder / name, source) for source in sources):
            raise _is_read(f"'{folder / name}' is what is to be read.", option, stage)
        if len(os.fsencode(name)) > LONGEST_NAME:
            too_long = OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG))
            raise _cannot_be_written(folder / name, too_long, f"{_elsewhere(option)}.", stage)
        if name not in known and os.path.lexists(place / name):
            raise _is_somebodys(folder, name, option, stage, "")


def _is_somebodys(folder: Path, name: str, option: str, stage: str, hint: str) -> InvalidJob:
    why = "was changed after splatworker wrote it" if name in recorded(folder.resolve()) else "splatworker did not make"
    return InvalidJob(
        f"'{folder}' holds '{name}', which {why}: it is not overwritten.",
        hint=f"{_elsewhere(option)}, or move it away.{hint and ' ' + hint}",
        stage=stage,
    )


def strangers(folder: Path, known: Iterable[str]) -> Iterator[str]:
    """Paths in and below a folder, other than folders, that are neither among the known nor litter; in order."""
    known = set(known)
    for place, folders, files in os.walk(folder):
        folders.sort()
        here = Path(place).relative_to(folder)
        links = [name for name in folders if (Path(place) / name).is_symlink()]
        folders[:] = [name for name in folders if name not in links and not _is_litter(name)]
        for name in sorted([*files, *links]):
            path = (here / name).as_posix()
            if path not in known and name != RECORD and not _is_litter(name):
                yield path


def _is_litter(name: str) -> bool:
    return any(fnmatch(name, pattern) for pattern in LITTER)
