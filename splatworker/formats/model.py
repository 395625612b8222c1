"""Finding the splat in a model folder."""

from __future__ import annotations

import re
from pathlib import Path

from splatworker.errors import InvalidScene


def find_splat(path: Path) -> Path:
    """The PLY that `path` means: itself, or a model folder's latest `point_cloud/iteration_N/point_cloud.ply`.

    Raises:
        InvalidScene: there is none.
    """
    if path.is_file():
        return path
    saved = {}
    for ply in path.glob("point_cloud/iteration_*/point_cloud.ply"):
        if match := re.fullmatch(r"iteration_(\d+)", ply.parent.name):
            saved[int(match[1])] = ply
    if not saved:
        raise InvalidScene(f"{path} is neither a PLY nor a model folder with one.")
    return saved[max(saved)]
