"""The motion of an object from its scene, as the stage has written it; what is no such file is named."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from splatworker.errors import InvalidScene
from splatworker.export.object_file import ACCOUNT, object_from_scene


def test_it_is_read_as_it_was_written(tmp_path: Path) -> None:
    motion = np.eye(4)
    motion[:3, 3] = 1, 2, 3
    (tmp_path / ACCOUNT).write_text(json.dumps({"object_from_scene": motion.tolist()}))
    assert (object_from_scene(tmp_path) == motion).all()


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"object_from_scene": [1, 2]}', '{"object_from_scene": NaN}'])
def test_what_is_none(text: str, tmp_path: Path) -> None:
    (tmp_path / ACCOUNT).write_text(text)
    with pytest.raises(InvalidScene, match="cannot be read"):
        object_from_scene(tmp_path)
