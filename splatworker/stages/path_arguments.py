"""A path on a command line, which must not be empty.

Python takes an empty path for the current folder: what a shell makes of a variable that is not set (`-o "$OUT"`) would
fill, or read, the folder that somebody happens to be in.
"""

from __future__ import annotations

import argparse
from pathlib import Path


def a_path(text: str) -> Path:
    """The path of a text, as argparse's `type`.

    Raises:
        argparse.ArgumentTypeError: the text is empty.
    """
    if not text:
        raise argparse.ArgumentTypeError("it is empty, and a path is needed; the current folder is '.'")
    return Path(text)
