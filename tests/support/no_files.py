"""What stands where a file is looked for and is none; to open some of these takes for ever."""

from __future__ import annotations

import os
from pathlib import Path

KINDS = ("pipe", "folder", "loop", "zero")


def put(path: Path, kind: str) -> None:
    """Put one of `KINDS` there: a link to itself, or to a device that never ends, among them."""
    match kind:
        case "pipe":
            os.mkfifo(path)
        case "folder":
            path.mkdir()
        case "loop":
            path.symlink_to(path)
        case "zero":
            path.symlink_to("/dev/zero")
