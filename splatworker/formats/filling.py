"""Filling an output folder that `ownership` has found to be usable: what is written is recorded, what is ours replaced.

Folders are filled file by file, so that one that is a mount point, or a link to another disk, stays what it is.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from splatworker.errors import InvalidJob, SplatError, from_os_error
from splatworker.formats.atomic import part_of
from splatworker.formats.folder_record import RECORD, Kind, ours, record, record_also
from splatworker.formats.ownership import demand_names_free, demand_usable


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
