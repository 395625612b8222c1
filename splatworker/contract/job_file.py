"""A job as a file: its JSON, however an editor or a shell has written it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

MOST_BYTES = 16 * 2**20
"""The platform's queue takes ten megabytes."""

_LONGEST_NAME = 100


def read(path: Path) -> Any:
    """The JSON document in a file.

    Raises:
        OSError, ValueError: there is none, or one that is no job's.
    """
    with path.open("rb") as file:
        document = file.read(MOST_BYTES + 1)
    if len(document) > MOST_BYTES:
        raise ValueError(f"it has more than {MOST_BYTES >> 20} MiB")
    try:
        # Editors and shells of Windows write UTF-16, or a mark before UTF-8; JSON itself tells which it is.
        text = document.decode(json.detect_encoding(document))
        return json.loads(text, object_pairs_hook=_without_contradiction)
    except RecursionError:
        raise ValueError("lists or objects in it are nested too deep") from None


def _without_contradiction(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object of the document.

    Raises:
        ValueError: a name stands in it with two values, of which one would be obeyed in silence.
    """
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found and found[name] != value:
            raise ValueError(f"'{name[:_LONGEST_NAME]}' stands in one object twice, with two values")
        found[name] = value
    return found
