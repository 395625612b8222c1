"""What can be asked for, and what cannot."""

from __future__ import annotations

from typing import Any

import pytest

from splatworker.video.options import VideoOptions


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"frames": 50, "fps": 2.0}, "together"),
        ({"start": 5.0, "end": 4.0}, "after"),
        ({"fps": 61.0}, "--fps"),
        ({"frames": 501}, "--frames"),
        ({"end": float("nan")}, "--end"),
    ],
)
def test_options_that_cannot_be(given: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        VideoOptions(**given)
