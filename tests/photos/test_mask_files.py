"""What is said of a folder of masks: of no photo, scaled, of no use."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from splatworker.errors import InvalidMasks
from splatworker.photos.mask_files import judge


def folder(tmp_path: Path, *names: str) -> Path:
    for name in names:
        (tmp_path / name).touch()
    return tmp_path


def test_masks_of_photos_need_no_word(tmp_path: Path) -> None:
    given = folder(tmp_path, "a.png", "b.jpg.png")
    masked: list[tuple[Path, dict[str, Any]]] = [(given / "a.png", {})]
    assert list(judge(given, ["a.jpg", "b.jpg"], masked)) == []


def test_masks_of_no_photo_and_scaled_ones_are_told(tmp_path: Path) -> None:
    given = folder(tmp_path, "a.png", "x.png", "y.png")
    alone, scaled = judge(given, ["a.jpg"], [(given / "a.png", {"scaled": "640x480"})])
    assert alone == "x.png, y.png are the masks of no photo."
    assert scaled == "Masks were scaled to the size of their photos: a.png of 640x480."


def test_masks_of_which_none_has_a_photo_or_can_be_used_are_refused(tmp_path: Path) -> None:
    given = folder(tmp_path, *(f"{number}.png" for number in range(5)))
    with pytest.raises(InvalidMasks, match=r"None of the 5 masks has the name of a photo \(0.png, .* and 2 more\)"):
        list(judge(given, ["a.jpg"], []))
    outcome = {"reason": "it is torn", "for_mask": True}
    with pytest.raises(InvalidMasks, match=r"None of the 2 masks can be used: it is torn\."):
        list(judge(given, ["0.jpg", "1.jpg"], [(given / "0.png", outcome), (given / "1.png", outcome)]))


def test_what_is_wrong_with_several_masks_is_said_once(tmp_path: Path) -> None:
    given = folder(tmp_path, *(f"{number}.png" for number in range(5)))
    masked: list[tuple[Path, dict[str, Any]]] = [
        (given / f"{number}.png", {"reason": f"its mask {number}.png hides all of it", "for_mask": True})
        for number in range(4)
    ]
    masked.append((given / "4.png", {"reason": "its mask 4.png is torn", "for_mask": True}))
    words = r"None of the 5 masks can be used: 0.png hides all of it \(3 more likewise\); 4.png is torn\."
    with pytest.raises(InvalidMasks, match=words):
        list(judge(given, ["0.jpg"], masked))
