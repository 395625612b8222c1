"""Small files beside a splat or in a scene that tell of it, such as results.json, whoever has written them.

They are helpful and no more: one that is missing, broken, absurdly large or no file at all tells nothing, and no fault.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from splatworker.formats.presence import is_file

MOST_BYTES = 64 * 2**20
"""Of a file: thousands of photos take a few megabytes."""


def text_of(path: Path) -> str:
    """The text of a file, in UTF-8; empty where it tells nothing."""
    if not is_file(path):
        return ""
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
        return data.decode() if len(data) <= MOST_BYTES else ""
    except (OSError, ValueError):
        return ""


def json_of(path: Path) -> Any:
    """The JSON value in a file; None where it tells nothing."""
    return json_in(text_of(path))


def json_in(text: str) -> Any:
    """The JSON value in a text; None where there is none."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
