"""The files of an object that was cut from a scene, and how what is made of it finds them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from splatworker.errors import InvalidScene
from splatworker.export.orient import Matrix
from splatworker.formats.find import SPLAT_IN_OUT
from splatworker.formats.folder_kinds import OBJECT_IN_OUT

SPLAT, ACCOUNT = SPLAT_IN_OUT, OBJECT_IN_OUT


def object_from_scene(folder: Path) -> Matrix:
    """(4, 4) the motion that the stage has written to a folder.

    Raises:
        InvalidScene: it is not there, or broken.
    """
    try:
        matrix = np.array(json.loads((folder / ACCOUNT).read_text(encoding="utf-8"))["object_from_scene"], np.float64)
        if matrix.shape != (4, 4) or not np.isfinite(matrix).all():
            raise ValueError("it is no matrix")
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise InvalidScene(f"The object in {folder} cannot be read: {error}.", stage="export") from error
    return matrix
