"""Whose the files in an output folder are: what a command may replace, and what it must leave alone.

A command replaces what an earlier one made, and never anything else: not what a person or another program put there,
and not a file of ours that somebody has changed since. So every folder that a command fills gets a record,
`.splatworker.json`, of the files that it wrote, with their sizes and times. It is looked at before any work begins, and
a folder that cannot be used is refused in one sentence.

    {"made_by": "splatworker 0.1.0", "files": {"splat.ply": [1234, 1764326400000000000], "scene.part": null}}

A file with `null` is being written. Folders are filled file by file, so that one that is a mount point, or a link to
another disk, stays what it is.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from fnmatch import fnmatch
from pathlib import Path
from typing import NamedTuple

import splatworker
from splatworker.errors import DiskFull, InvalidJob, SplatError, from_os_error
from splatworker.formats.atomic import part_of, write_text

RECORD = ".splatworker.json"

LITTER = (".DS_Store", "._*", "Thumbs.db", "desktop.ini", ".directory", "lost+found", "@eaDir", ".splat-*")
"""What systems leave in every folder, and our own workspaces: no reason to refuse one, and left where it is."""

COARSE_NS = 2 * 10**9
"""Archives and some disks keep times only to whole or even seconds."""

PROBE_BYTES = 4096

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


# ---------------------------------------------------------------------------------------------------------------------
# Records


def recorded(folder: Path) -> dict[str, _Stamp]:
    """The files that a folder's record tells of, by their paths in it; none where there is no record."""
    try:
        files = json.loads((folder / RECORD).read_bytes())["files"]
        noted = {str(name): None if entry is None else (int(entry[0]), int(entry[1])) for name, entry in files.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError):
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


# ---------------------------------------------------------------------------------------------------------------------
# Before the work


def demand_usable(folder: Path, option: str, stage: str) -> None:
    """Refuse an output folder that cannot be filled: a file, or on a disk that is read-only or full.

    Nothing is made: what is tried is the folder itself, or the one above it that is there already.

    Args:
        option: how the person gives it: an option for a folder, `-o`, or the name of what stands for a file, `OUT`.

    Raises:
        InvalidJob, DiskFull: with the folder as it was given.
    """
    given = place = _once_made(folder)
    while not os.path.lexists(place) and place != place.parent:
        place = place.parent
    hint = f"{_elsewhere(option)}."
    if not place.is_dir():
        words = "is" if place == given else f"lies in '{place}', which is"
        kind = "a link to nothing" if place.is_symlink() and not place.exists() else "a file"
        raise InvalidJob(f"'{folder}' {words} {kind}, and a folder is needed.", hint=hint, stage=stage)
    try:
        with tempfile.TemporaryFile(dir=place) as file:
            file.write(bytes(PROBE_BYTES))
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DiskFull(f"The disk of '{folder}' is full.", hint=f"Free some space. {hint}", stage=stage) from None
        reason = {
            errno.EROFS: "its disk is read-only",
            errno.EACCES: "there is no permission to write there",
            errno.EPERM: "there is no permission to write there",
            errno.ENAMETOOLONG: "its name is too long",
        }
        why = reason.get(error.errno or 0, error.strerror or str(error))
        raise InvalidJob(f"'{folder}' cannot be written: {why}.", hint=hint, stage=stage) from None


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
    if given.exists() and _is_same(folder, given):
        raise _is_read(f"'{folder}' is what is to be read.", option, stage)


def demand_apart(folder: Path, given: Path, option: str, stage: str) -> None:
    """Refuse to fill a folder that is what is read, or holds it; links, letter case and mounts hide nothing.

    Raises:
        InvalidJob: with both as they were given.
    """
    demand_other(folder, given, option, stage)
    if given.exists() and any(_is_same(folder, above) for above in given.resolve().parents):
        raise _is_read(f"'{folder}' holds what is to be read, '{given}'.", option, stage)


def _is_same(path: Path, other: Path) -> bool:
    """Whether a path leads to what is there already; also through a folder that is not there yet, `new/../old`."""
    place = path.resolve()
    return place.exists() and place.samefile(other)


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
    place = folder.resolve()
    known = set(ours(place, earlier)) if place.is_dir() else set()
    sources = [source for source in given if source.exists()]
    for name in names:
        if any(_is_same(folder / name, source) for source in sources):
            raise _is_read(f"'{folder / name}' is what is to be read.", option, stage)
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


@contextmanager
def files_to_write(
    folder: Path, names: Iterable[str], option: str, stage: str, *, given: Iterable[Path] = ()
) -> Iterator[None]:
    """Within the block these files may be written in a folder, where other things may be; what is there is noted.

    Raises:
        InvalidJob, DiskFull: before the block, as `demand_usable` and `demand_names_free`.
    """
    names = list(names)
    demand_usable(folder, option, stage)
    demand_names_free(folder, names, option, stage, given=given)
    with folder_to_fill(folder.absolute(), stage):
        record_also(folder, [], stage, planned=names)
        try:
            yield
        except BaseException:
            with suppress(SplatError, OSError):  # what went wrong before is to be told
                record_also(folder, names, stage)
            raise
        record_also(folder, names, stage)


@contextmanager
def folder_to_fill(folder: Path, stage: str) -> Iterator[Path]:
    """Make a folder, and those above it, for the block; those of them that are empty at its end go again.

    Raises:
        DiskFull, SplatError: it cannot be made.
    """
    new = [place for place in (folder, *folder.parents) if not os.path.lexists(place)]
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise from_os_error(error, stage) from error
    try:
        yield folder
    finally:
        with suppress(OSError):
            for place in new:
                place.rmdir()


# ---------------------------------------------------------------------------------------------------------------------
# After the work


def fill(folder: Path, source: Path, kind: Kind, stage: str) -> None:
    """Move what is in `source` into a folder in place of what is ours there; `source` is left empty or gone.

    A folder that is not there yet appears whole. In one that is, nothing of anybody else is touched: one in the way
    ends the filling, but that was to be found out before the work.

    Raises:
        InvalidJob: a file in the way is not ours.
        DiskFull, SplatError: the folder cannot be written.
    """
    new = sorted(path.relative_to(source).as_posix() for path in source.rglob("*") if not path.is_dir())
    new = [name for name in new if name != RECORD]
    old = set(ours(folder, kind.earlier)) if folder.is_dir() else set()
    try:
        if not os.path.lexists(folder):
            folder.parent.mkdir(parents=True, exist_ok=True)
            record(source, new, stage)
            move(source, folder)
            return
        for name in new:
            if os.path.lexists(folder / name) and name not in old:
                raise InvalidJob(f"'{folder}' holds {name}, which splatworker did not make.", stage=stage)
        record(folder, old, stage, planned=set(new))
        for name in new:
            move(source / name, folder / name)
        remove(folder, old - set(new))
        record(folder, new, stage)
    except OSError as error:
        raise from_os_error(error, stage) from error


def move(source: Path, target: Path) -> None:
    """Move a file, or a folder to where there is none; also onto another disk, and even then whole or not at all."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        source.replace(target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        part = part_of(target)
        try:
            if source.is_dir():
                shutil.copytree(source, part)
            else:
                shutil.copy2(source, part)
            part.replace(target)
        except BaseException:
            if part.is_dir():
                shutil.rmtree(part, ignore_errors=True)
            part.unlink(missing_ok=True)
            raise


def remove(folder: Path, names: Iterable[str]) -> None:
    """Remove files of ours from a folder, and the folders below it that are empty then."""
    emptied: set[Path] = set()
    for name in names:
        (folder / name).unlink(missing_ok=True)
        emptied.update(folder / above for above in Path(name).parents if above != Path())
    for place in sorted(emptied, key=lambda path: -len(path.parts)):
        with suppress(OSError):
            place.rmdir()
