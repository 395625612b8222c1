"""Remove a folder with everything in it, and touch nothing else, whatever stands in it.

Strangers' files and hostile programs fill the folders of jobs: links, hard links, folders that nobody may open, and
folders in folders without end. Links are removed and never followed, modes are changed of folders inside alone, and
another file system that is mounted inside is left alone.
"""

from __future__ import annotations

import contextlib
import os
import stat
import sys
from pathlib import Path

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK


def open_folder(path: Path) -> int:
    """A descriptor of a folder that is one, and no link to one.

    Raises:
        OSError: it is not, or may not be opened.
    """
    return os.open(path, _FOLDER)


def remove_tree(folder: Path) -> None:
    """Remove `folder`; what cannot be removed stays, without a word."""
    with contextlib.suppress(OSError):
        top = open_folder(folder)
        try:
            _empty(top)
        finally:
            os.close(top)
        folder.rmdir()


def _empty(top: int) -> None:
    """Empty an open folder. Folders in it are moved up into it one by one: neither their depth nor the length of their
    paths is any matter then.
    """
    device, number = os.fstat(top).st_dev, 0
    os.fchmod(top, stat.S_IRWXU)
    waiting = [name for name in _names(top) if not _unlinked(name, top)]
    while waiting:
        name = waiting.pop()
        try:
            inner = _open_inside(name, top, device)
        except OSError:
            continue
        try:
            for entry in _names(inner):
                if _unlinked(entry, inner):
                    continue
                with contextlib.suppress(OSError):
                    os.close(_open_inside(entry, inner, device))  # to be moved, it must be ours to write
                    number += 1
                    while _exists(moved := f"{number:x}", top):
                        number += 1
                    os.rename(entry, moved, src_dir_fd=inner, dst_dir_fd=top)
                    waiting.append(moved)
        finally:
            os.close(inner)
        with contextlib.suppress(OSError):
            os.rmdir(name, dir_fd=top)


def _unlinked(name: str, folder: int) -> bool:
    """Remove what is not a folder; whether it was none."""
    try:
        if stat.S_ISDIR(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode):
            return False
        os.unlink(name, dir_fd=folder)
    except OSError:
        pass
    return True


def _names(folder: int) -> list[str]:
    with os.scandir(folder) as entries:
        return [entry.name for entry in entries]


def _exists(name: str, folder: int) -> bool:
    try:
        os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True


def _open_inside(name: str, folder: int, device: int) -> int:
    """A descriptor of a folder in an open one, made readable first.

    Raises:
        OSError: it is not a folder any more, or of another file system.
    """
    if sys.platform != "linux":
        return os.open(name, _FOLDER, dir_fd=folder)
    place = os.open(name, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
    try:
        if os.fstat(place).st_dev != device:
            raise OSError("another file system is mounted here")
        Path(f"/proc/self/fd/{place}").chmod(stat.S_IRWXU)  # this very folder, whatever bears its name by now
        return os.open(f"/proc/self/fd/{place}", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    finally:
        os.close(place)
