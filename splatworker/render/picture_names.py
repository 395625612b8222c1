"""Names of pictures made from the names of photos: one a photo, whatever the photos are called."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterator, Sequence
from itertools import count
from pathlib import PurePosixPath

_LONGEST = 240
"""Bytes of a name that leave room for what is added to it."""


def picture_names(photos: Sequence[str], suffix: str = ".png") -> list[str]:
    """A relative path for the picture of each photo, in the photos' order: its own with another suffix.

    Two paths never mean the same file, also where letter case or the composition of letters is not told apart, and none
    is a folder of another. Of those that would be, a photo that has the suffix already keeps its name, and the others
    keep theirs with the suffix behind it: `0001.jpg.png`.

    Args:
        photos: relative paths with "/" between folders, each of them once.
    """
    wanted = [_with_suffix(photo, suffix) for photo in photos]
    taken = _Taken()
    names: dict[int, str] = {}
    for index in sorted(range(len(photos)), key=lambda index: (wanted[index] != photos[index], index)):
        names[index] = next(name for name in _candidates(wanted[index], photos[index], suffix) if taken.take(name))
    return [names[index] for index in range(len(photos))]


def _with_suffix(photo: str, suffix: str) -> str:
    path = PurePosixPath(photo)
    return str(_shortened(path).with_suffix(suffix))


def _candidates(wanted: str, photo: str, suffix: str) -> Iterator[str]:
    yield wanted
    path = _shortened(PurePosixPath(photo))
    yield f"{path}{suffix}"
    flat = _shortened(PurePosixPath(photo.replace("/", "_")))  # where its folder has the name of a picture
    for number in count(2):
        yield f"{path}_{number}{suffix}" if number % 2 == 0 else f"{flat}_{number}{suffix}"


def _shortened(path: PurePosixPath) -> PurePosixPath:
    """A path whose last name leaves room for a suffix."""
    name = os.fsencode(path.name)
    return path if len(name) <= _LONGEST else path.with_name(os.fsdecode(name[:_LONGEST]))


class _Taken:
    """Paths of files, and of the folders that they are in, as the least careful file system tells them apart."""

    def __init__(self) -> None:
        self._files: set[str] = set()
        self._folders: set[str] = set()

    def take(self, name: str) -> bool:
        """Take a path, unless it is taken; whether it was free."""
        path = PurePosixPath(unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold()))
        folders = {str(above) for above in path.parents}
        if str(path) in self._files | self._folders or folders & self._files:
            return False
        self._files.add(str(path))
        self._folders |= folders
        return True
