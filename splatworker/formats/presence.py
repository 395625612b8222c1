"""Whether a path that a person or a file names is there, and a file: asked without a fault, whatever the path is.

What the system takes for no name at all, one that is too long or a link to itself, is not there; and only a file is
opened: a pipe or a device may never end.
"""

from __future__ import annotations

import os
from pathlib import Path

from splatworker.errors import InvalidScene


def is_there(path: Path) -> bool:
    """Whether there is anything of this name, behind all links."""
    try:
        return path.exists()
    except OSError:
        return False


def is_file(path: Path) -> bool:
    """Whether it is a file, behind all links."""
    try:
        return path.is_file()
    except OSError:
        return False


def demand_file(path: Path, hint: str, stage: str) -> None:
    """Refuse what a person has named as a file and is none.

    Raises:
        InvalidScene: with the path as it was given.
    """
    if not is_file(path):
        what = "is not a file" if os.path.lexists(path) else "is not there"
        raise InvalidScene(f"{path} {what}.", hint=hint, stage=stage)
