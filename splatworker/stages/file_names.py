"""Names of files that people give us: found in folders within folders, and shown whatever bytes they are made of."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from splatworker.formats.folder_record import made_here
from splatworker.stages.arrivals import natural

MOST_FILES = 20_000
"""Files that a folder with its sub-folders is searched for: a home folder given by mistake ends here."""

DEEPEST = 8
"""Folders within folders that are entered."""

_NOBODYS_FILES = {"thumbs.db", "desktop.ini", "icon\r", "ehthumbs.db", "frames.json"}
_NOBODYS_FOLDERS = {"__macosx", "@eadir", "$recycle.bin", "lost+found", "system volume information"}
"""What systems, and `splatworker frames`, leave behind: none of it is anybody's photo, and nobody misses it."""

_NO_PHOTOS = {
    "masks": "masks", "mask": "masks", "depths": "depth maps", "depth": "depth maps", "normals": "normals",
    "thumbnails": "thumbnails", "thumbs": "thumbnails", "sparse": "a model", "dense": "a model", "stereo": "a model",
}  # fmt: skip
"""Folders beside photos that other programs fill with pictures that are none, and what these are."""


_BESIDE = {".aae", ".xmp", ".json", ".xml", ".txt", ".thm", ".lrv", ".srt", ".pp3", ".dop", ".cos"}
"""Suffixes of what cameras, telephones and editors write beside a picture or film of that name, and nobody misses."""

_MASK = re.compile(r"(.+)[._-]mask\.(png|jpe?g|webp|tiff?|bmp|gif)", re.IGNORECASE)
"""A mask by its name, beside what has the rest of it."""

_NOWHERE = "it is a link that leads nowhere"
_MASK_BESIDE = "it is a mask by its name, and masks are looked for in a folder of their own, called masks"

_NAMED = 3
"""Files that a sentence names."""


@dataclass
class Found:
    """The files of a folder.

    Attributes:
        files: by relative name, in natural order of it.
        passed_over: sub-folders that were not entered, each with the reason, a clause.
        set_aside: files that are none of these, each with the reason, a clause.
    """

    files: list[Path] = field(default_factory=list)
    passed_over: dict[str, str] = field(default_factory=dict)
    set_aside: dict[str, str] = field(default_factory=dict)


def readable(name: str | os.PathLike[str]) -> str:
    """A file's name for people and for files in UTF-8: bytes that are no UTF-8 are read as Windows' Western letters.

    Python keeps such bytes as lone surrogates, which nothing can print, write or hand on. A letter that even those do
    not have becomes a question mark's relative, U+FFFD.
    """
    text = os.fspath(name)
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        written = os.fsencode(text)
    else:
        return text
    try:
        return written.decode("utf-8")
    except UnicodeDecodeError:
        return written.decode("cp1252", "replace")


def distinct(names: list[str]) -> list[str]:
    """The names made readable and kept apart: of two that read alike the later gets a number before its suffix."""
    taken: set[str] = set()
    result = []
    for name in names:
        shown, path = readable(name), PurePosixPath(readable(name))
        number = 1
        while shown in taken:
            number += 1
            shown = str(path.with_name(f"{path.stem}_{number}{path.suffix}"))
        taken.add(shown)
        result.append(shown)
    return result


def left_out(reasons: Iterable[tuple[str, str]]) -> Iterator[str]:
    """What is said of files that are left out, each with its reason, a clause: a sentence for all of one reason."""
    named: dict[str, list[str]] = {}
    for name, reason in reasons:
        named.setdefault(reason, []).append(name)
    for reason, names in named.items():
        if len(names) == 1:
            yield f"{names[0]} is left out: {reason}."
        else:
            yield f"{first_few(names)} are left out, each because {reason}."


def first_few(names: Sequence[str], between: str = ", ") -> str:
    """The first names of many, fit for a sentence, and how many more there are."""
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return f"{between.join(names[:_NAMED])}{more}"


def find_files(folder: Path, without: Path | None = None) -> Found:
    """The files of a folder and of the folders in it, hidden ones left out; links are followed, but never twice.

    Args:
        without: a folder that is not entered, where it is one of these: that of masks, whatever it is called.

    Folders that hold pictures made from the photos beside them are passed over, and so is what this package has made.
    """
    found = Found()
    seen: set[tuple[int, int]] = set()
    if without is not None and without.is_dir() and not without.samefile(folder):
        status = without.stat()
        seen.add((status.st_dev, status.st_ino))
    for path in _walk(folder, folder, 0, found, seen):
        found.files.append(path)
        if len(found.files) >= MOST_FILES:
            found.passed_over["..."] = f"there are more than {MOST_FILES} files"
            break
    return found


def _walk(folder: Path, top: Path, depth: int, found: Found, seen: set[tuple[int, int]]) -> Iterator[Path]:
    """Files of a folder, then of the folders in it, each in natural order."""
    status = folder.stat()
    if (status.st_dev, status.st_ino) in seen:
        return
    seen.add((status.st_dev, status.st_ino))
    inside = sorted((path for path in folder.iterdir() if path.name[:1] != "."), key=lambda path: natural(path.name))
    names = {path.name.lower() for path in inside}
    whole = names | {PurePosixPath(name).stem for name in names if PurePosixPath(name).suffix not in _BESIDE}
    for path in inside:
        if path.name.lower() in _NOBODYS_FILES or path.is_dir() or _lies_beside(path.name.lower(), whole):
            continue
        if why := _why_set_aside(path, whole):
            found.set_aside[readable(path.relative_to(top).as_posix())] = why
        else:
            yield path
    for path in inside:
        if not path.is_dir() or path.name.lower() in _NOBODYS_FOLDERS:
            continue
        reason = _why_passed_over(path, names) or ("it lies too deep" if depth >= DEEPEST else "")
        name = readable(path.relative_to(top).as_posix())
        if reason:
            found.passed_over[name] = reason
            continue
        try:
            yield from _walk(path, top, depth + 1, found, seen)
        except OSError as error:
            found.passed_over[name] = f"it cannot be read ({error.strerror})"


def _lies_beside(name: str, others: set[str]) -> bool:
    """Whether a file is what another one of its name has beside it: `a.xmp` or `a.jpg.json` beside `a.jpg`."""
    parts = name.split(".")
    if f".{parts[-1]}" not in _BESIDE:
        return False
    return any(".".join(parts[:count]) in others for count in range(1, len(parts)))


def _why_set_aside(path: Path, others: set[str]) -> str:
    """Why a file is not read at all, a clause, or ""."""
    if not path.is_file():
        return _NOWHERE if path.is_symlink() and not path.exists() else "it is a pipe, a socket or a device"
    mask = _MASK.fullmatch(path.name)
    return _MASK_BESIDE if mask and mask[1].lower() in others else ""


def _why_passed_over(folder: Path, beside: set[str]) -> str:
    """Why a folder's pictures are no photos, a clause, or ""; `beside` are the names in the folder around it."""
    name = folder.name.lower()
    original, underline, factor = name.rpartition("_")
    if underline and factor in ("2", "4", "8", "16") and original in beside:
        return f"it holds smaller copies of {original}"
    if kind := _NO_PHOTOS.get(name):
        return f"it holds {kind}"
    if name == "images" and "input" in beside and ("sparse" in beside or "distorted" in beside):
        return "it holds undistorted copies of input"
    if made_here(folder):
        return "it was made by splatworker"
    if (folder / "cfg_args").exists() or ((folder / "result.json").exists() and (folder / "splat.ply").exists()):
        return "it was made by an earlier run"
    if (folder / "frame.json").exists() and (folder / "sparse").is_dir():
        return "it is a scene made by an earlier run"
    return ""
