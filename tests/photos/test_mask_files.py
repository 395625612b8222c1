"""What is said of a folder of masks: of no photo, scaled, of no use."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from splatworker.errors import InvalidMasks
from splatworker.photos.mask_files import judge


def folder(tmp_path: Path, *names: str) -> Path:
    tmp_path.mkdir(exist_ok=True)
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


def test_second_masks_of_photos_are_told_as_that(tmp_path: Path) -> None:
    given = folder(tmp_path, "a.png", "a.jpg.png", "x.png")
    second, alone = judge(given, ["a.jpg", "b.jpg"], [(given / "a.jpg.png", {})])
    assert second.startswith("Not used, as their photos have other masks: a.png.")
    assert alone == "x.png is the mask of no photo."


def test_what_is_no_picture_is_told_and_alone_is_refused(tmp_path: Path) -> None:
    given = folder(tmp_path / "masks", "walk.mp4", "a.npy")
    with pytest.raises(
        InvalidMasks, match=r"no mask in the folder masks: what is there are no pictures \(a.npy, walk.mp4\)"
    ):
        list(judge(given, ["a.jpg"], []))
    folder(given, "a.png")
    assert list(judge(given, ["a.jpg"], [])) == [
        "Not used, as masks are pictures: a.npy, walk.mp4, in the folder masks."
    ]


def test_an_empty_folder_is_told(tmp_path: Path) -> None:
    assert list(judge(folder(tmp_path / "masks"), ["a.jpg"], [])) == ["The folder masks is empty: there are no masks."]


@pytest.mark.parametrize(
    ("kept", "words"),
    [
        ([1.0, 1.0], "None of the 2 masks hides anything: they are white all over."),
        ([1.0], "The mask hides nothing: it is white all over."),
        ([0.01, 0.012, 0.4], "The masks keep only 1.2% of their photos: white is what is kept."),
        ([0.4, 1.0], None),
    ],
)
def test_masks_that_are_probably_not_meant_so_are_told(tmp_path: Path, kept: list[float], words: str | None) -> None:
    given = folder(tmp_path, *(f"{number}.png" for number in range(len(kept))))
    masked: list[tuple[Path, dict[str, Any]]] = [
        (given / f"{number}.png", {"kept": share}) for number, share in enumerate(kept)
    ]
    said = list(judge(given, [f"{number}.jpg" for number in range(len(kept))], masked))
    assert len(said) == (words is not None)
    assert words is None or said[0].startswith(words)


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
