"""Which files of a folder the reconstruction begins with; the refusals of whole runs are in test_failures.py."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from splatworker.errors import InvalidMasks, TooFewPhotos
from splatworker.sfm.input_photos import InputPhotos, read_input
from splatworker.sfm.options import SfmOptions
from splatworker.sfm.workbench import Workbench

FEWEST = SfmOptions().min_registered


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """As few photos as are enough, the last one in a sub-folder."""
    photos = tmp_path / "photos"
    (photos / "more").mkdir(parents=True)
    for number in range(FEWEST - 1):
        Image.new("RGB", (400, 300), (number, 0, 0)).save(photos / f"{number}.jpg")
    Image.new("RGB", (400, 300)).save(photos / "more" / "last.jpg")
    return photos


def read(images: Path, masks: Path | None) -> InputPhotos:
    work = images.parent / "work"
    return read_input(images, masks, Workbench(work, work / "photos", SfmOptions(device="cpu"), 1))


def test_what_is_no_photo_is_kept_apart(folder: Path) -> None:
    (folder / "notes.jpg").write_text("no photo")
    given = read(folder, None)
    assert [photo.name for photo in given.chosen] == [
        *(f"{number}.jpg" for number in range(FEWEST - 1)),
        "more/last.jpg",
    ]
    assert given.unreadable == ["notes.jpg"]
    assert (given.useless, given.near_duplicates, given.passed_over) == ({}, {}, [])
    assert given.count == FEWEST + 1


def test_a_photo_too_few(folder: Path) -> None:
    (folder / "0.jpg").write_text("no photo")
    with pytest.raises(TooFewPhotos, match=rf"^{FEWEST - 1} photos are too few: {FEWEST} are needed"):
        read(folder, None)


def test_a_folder_within_that_was_passed_over_is_told_unless_it_is_the_masks(folder: Path) -> None:
    (folder / "masks").mkdir()
    Image.new("L", (400, 300), 255).save(folder / "masks" / "0.png")
    (sentence,) = read(folder, None).passed_over
    assert sentence.startswith("The folder masks was passed over: ")
    given = read(folder, folder / "masks")
    assert given.passed_over == []
    assert given.chosen[0].mask == folder / "masks" / "0.png"


def test_masks_of_other_photos(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "masks").mkdir()
    Image.new("L", (400, 300), 255).save(tmp_path / "masks" / "other.png")
    with pytest.raises(InvalidMasks, match=r"None of the 1 masks has the name of a photo \(other\.png"):
        read(folder, tmp_path / "masks")
