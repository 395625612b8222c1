"""Near-duplicates are set aside in plenty, and only then."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from support import photo_sets

from splatworker.sfm.duplicates import find_near_duplicates
from splatworker.sfm.photo import PhotoHeader, read_photos


def slide(folder: Path, steps: list[int]) -> list[PhotoHeader]:
    """Photos along a wide picture, each further to the right by so many pixels of 320."""
    folder.mkdir()
    wall = np.concatenate([photo_sets.texture(seed) for seed in range(3)], axis=1)
    for number, x in enumerate(np.cumsum(steps)):
        part = wall[:240, x : x + 320]
        photo_sets.save((part * 255).astype(np.uint8), folder / f"{number}.jpg")
    return read_photos(folder)[0]


def test_frames_that_repeat_the_one_before_go_first(tmp_path: Path) -> None:
    photos = slide(tmp_path / "a", [0, 40, 0, 40, 0, 0, 40])
    aside = find_near_duplicates(photos, tmp_path / "a", plenty=4)
    assert aside == {"2.jpg": "1.jpg", "4.jpg": "3.jpg", "5.jpg": "3.jpg"}


def test_no_more_go_than_there_are_too_many(tmp_path: Path) -> None:
    photos = slide(tmp_path / "a", [0] * 10)
    aside = find_near_duplicates(photos, tmp_path / "a", plenty=6)
    assert len(aside) == 4
    assert "0.jpg" not in aside
    assert all(other not in aside for other in aside.values())
    assert find_near_duplicates(photos, tmp_path / "a", plenty=10) == {}
    assert find_near_duplicates(photos, tmp_path / "a") == {}


def test_photos_that_differ_stay(tmp_path: Path) -> None:
    photos = slide(tmp_path / "a", [0, *[30] * 9])
    assert find_near_duplicates(photos, tmp_path / "a", plenty=2) == {}
