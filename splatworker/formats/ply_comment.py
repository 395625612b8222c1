"""The line in a PLY's header that says how its splat is to be drawn, and how to add it to a file that lacks it.

Brush writes `comment SplatRenderMode: mip` into splats that were trained with antialiasing, and PlayCanvas's tools and
others read it; without such a line a splat is drawn without. No numpy here: the worker process marks files.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path

from splatworker.errors import InvalidScene, from_os_error
from splatworker.formats.atomic import atomic_file

ANTIALIASED = "comment SplatRenderMode: mip"

_KEY = "splatrendermode:"


def says_antialiased(comments: Iterable[list[str]]) -> bool:
    """Whether a header's comments, each in its words without the first, ask for antialiasing: the last that says so."""
    modes = [words[1].lower() for words in comments if len(words) == 2 and words[0].lower() == _KEY]
    return bool(modes) and modes[-1] == "mip"


def mark_antialiased(path: Path, stage: str) -> None:
    """Add the line to a PLY whose writer did not, whole or not at all.

    Raises:
        InvalidScene: the file is no PLY.
        DiskFull, SplatError: as `atomic_file`.
    """
    try:
        with path.open("rb") as file:
            first, second = file.readline(16), file.readline(64)
            if first.strip() != b"ply" or not second.startswith(b"format "):
                raise InvalidScene(f"{path.name} is not a PLY file.", stage=stage)
            end = second[len(second.rstrip(b"\r\n")) :]
            with atomic_file(path, stage) as marked:
                marked.write(first + second + ANTIALIASED.encode() + end)
                shutil.copyfileobj(file, marked, 2**20)
    except OSError as error:
        raise from_os_error(error, stage) from error
