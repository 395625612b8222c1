"""Which file is the mask of which photo."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest

from splatworker.formats.mask_names import MaskFiles, mask_name, masks_folder


def masks(folder: Path, *names: str) -> MaskFiles:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return MaskFiles.within(folder)


@pytest.mark.parametrize(
    "mask",
    [
        "a.png", "a.jpg.png", "a.mask.png", "a.jpg.mask.png", "a.png.mask", "a.jpg.mask", "A.PNG", "a.JPG.PNG",
        "a.Mask.png", "a.jpeg", "a.webp", "a.tif", "a_mask.png", "a-mask.png", "A_MASK.PNG", "a mask.jpg", "mask_a.png",
        "a.jpg_mask.png", "mask-a.jpg.png",
    ],
)  # fmt: skip
@pytest.mark.parametrize("photo", ["a.jpg", "A.JPG"])
def test_every_usual_name_is_known(tmp_path: Path, mask: str, photo: str) -> None:
    assert masks(tmp_path, mask).of(photo) == tmp_path / mask


def test_sub_folders_are_the_photos(tmp_path: Path) -> None:
    found = masks(tmp_path, "left/a.png", "right/a.png", "images.png")
    assert found.of("left/a.jpg") == tmp_path / "left/a.png"
    assert found.of("RIGHT/a.jpg") == tmp_path / "right/a.png"
    assert found.of("a.jpg") is None
    assert found.of("images/left/a.jpg") == tmp_path / "left/a.png"


def test_the_whole_name_goes_before_the_stem(tmp_path: Path) -> None:
    found = masks(tmp_path, "a.png", "a.jpg.png", "b.png.png")
    assert found.of("a.jpg") == tmp_path / "a.jpg.png"
    assert found.of("a.heic") == tmp_path / "a.png"
    assert found.of("b.png") == tmp_path / "b.png.png"
    assert found.of("b.jpg") is None


def test_a_name_that_is_the_photos_goes_before_one_with_the_word(tmp_path: Path) -> None:
    found = masks(tmp_path, "a-mask.png", "a.png", "a_mask.png", "sub/b_mask.png", "mask.png", "_mask.png")
    assert found.of("a.jpg") == tmp_path / "a.png"
    assert found.of("a_mask.jpg") == tmp_path / "a_mask.png"
    assert found.of("sub/b.jpg") == tmp_path / "sub/b_mask.png"
    assert found.of("b.jpg") is None
    assert found.without_photo(["a.jpg", "sub/b.jpg"]) == ["_mask.png", "a-mask.png", "a_mask.png", "mask.png"]
    assert found.second(["a.jpg", "sub/b.jpg"]) == ["a-mask.png", "a_mask.png"]


def test_masks_of_no_photo_are_told(tmp_path: Path) -> None:
    found = masks(tmp_path, "a.png", "b.png", "c.png", "notes.txt", ".hidden.png")
    assert found.without_photo(["a.jpg", "c.jpg"]) == ["b.png"]


def test_our_own_names_are_found(tmp_path: Path) -> None:
    name = mask_name("sub/a.jpg")
    assert name == "sub/a.jpg.png"
    assert masks(tmp_path, name).of("sub/a.jpg") == tmp_path / name


def test_letters_are_the_same_however_a_file_system_composes_them(tmp_path: Path) -> None:
    composed, apart = (unicodedata.normalize(form, "ü/é") for form in ("NFC", "NFD"))
    assert masks(tmp_path, f"{apart}.png").of(f"{composed}.jpg") == tmp_path / f"{apart}.png"
    assert masks(tmp_path, f"{composed}.jpg.png").of(f"{apart}.jpg") == tmp_path / f"{composed}.jpg.png"


def test_files_that_are_no_pictures_are_known(tmp_path: Path) -> None:
    found = masks(tmp_path, "a.png", "walk.mp4", "day/b.npy", "Thumbs.db", ".hidden")
    assert found.others == ("walk.mp4", "day/b.npy")


@pytest.mark.parametrize("name", ["Masks", "MASKS", "mask", "Mask"])
def test_the_folder_may_be_called_a_little_otherwise(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    assert masks_folder(tmp_path) == tmp_path / name
    (tmp_path / "masks").mkdir(exist_ok=True)
    assert masks_folder(tmp_path) == tmp_path / "masks"


def test_where_masks_lie(tmp_path: Path) -> None:
    photos = tmp_path / "images"
    photos.mkdir()
    assert masks_folder(photos) is None
    (tmp_path / "masks").mkdir()
    assert masks_folder(photos) == tmp_path / "masks"
    (photos / "masks").mkdir()
    assert masks_folder(photos) == photos / "masks"
    (tmp_path / "others").mkdir()
    assert masks_folder(tmp_path / "others") is None


def test_photos_that_differ_by_letter_case_have_masks_of_their_own(tmp_path: Path) -> None:
    for name in ("a.jpg.png", "A.JPG.png", "b.png", "B.png"):
        (tmp_path / name).write_bytes(b"")
    files = MaskFiles.within(tmp_path)
    photos = ["a.jpg", "A.JPG", "b.jpg", "B.jpg"]
    assert [files.of(photo) for photo in photos] == [
        tmp_path / name for name in ("a.jpg.png", "A.JPG.png", "b.png", "B.png")
    ]
    assert files.without_photo(photos) == []
    assert files.of("a.JPG") is not None


def test_masks_are_found_behind_links_as_photos_are(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "a.png").write_bytes(b"")
    (tmp_path / "masks").mkdir()
    (tmp_path / "masks" / "cam").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere" / "around").symlink_to(tmp_path / "masks")
    assert MaskFiles.within(tmp_path / "masks").of("cam/a.jpg") == tmp_path / "masks" / "cam" / "a.png"


def test_photos_in_the_folder_of_masks_are_no_masks(tmp_path: Path) -> None:
    for name in ("a.jpg", "a_mask.png", "b.jpg"):
        (tmp_path / name).write_bytes(b"")
    files = MaskFiles.within(tmp_path, [tmp_path / "a.jpg", tmp_path / "b.jpg"])
    assert files.names == ("a_mask.png",)
    assert [files.of(photo) for photo in ("a.jpg", "b.jpg")] == [tmp_path / "a_mask.png", None]
