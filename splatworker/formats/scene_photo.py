"""A scene's photos as files: which names may be followed, which formats are opened, and how large a photo is.

Names come out of files that strangers may have written, and a photo's name says where its picture is written, too. So a
name that leads out of its folder is refused where the scene is read, and every command is served.
"""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath

from PIL import Image

from splatworker.errors import InvalidScene

FORMATS = ("JPEG", "PNG", "WEBP")
"""What a scene's photo may be, by its content: Pillow's other decoders are older, and one of them runs Ghostscript."""


def checked_name(name: str) -> str:
    """A photo's name, relative to the folder of photos, with / between its parts.

    Raises:
        InvalidScene: it leads out of the folder, or is none.
    """
    parts = re.split(r"[/\\]", name)
    if not name or name.startswith(("/", "\\")) or ".." in parts or re.match(r"[a-zA-Z]:", name) or "\0" in name:
        raise InvalidScene(f"The scene is broken: its photo '{shown(name)}' would lie outside of its folder.")
    return PurePosixPath(name).as_posix()


def photo_in(folder: Path, name: str) -> Path | None:
    """The file of a name in a folder; None where there is none, or where the name leads out of the folder."""
    try:
        path = folder / checked_name(name)
        return path if path.is_file() else None
    except (InvalidScene, ValueError, OSError):
        return None


def size_of(path: Path) -> tuple[int, int] | None:
    """Width and height that a photo's header tells; None where it is not a photo that could be opened."""
    try:
        with Image.open(path, formats=FORMATS) as image:
            return image.size
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None


def shown(name: str) -> str:
    """A name that a stranger chose, fit to stand in a sentence: printable, and not longer than that."""
    return name[:100].encode("unicode_escape").decode() if not name[:100].isprintable() else name[:100]
