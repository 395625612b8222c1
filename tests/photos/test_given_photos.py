"""Files as they arrive: their numbers, their clean names, and raw files, which wait for the picture beside them."""

from __future__ import annotations

from pathlib import Path

import pytest

from splatworker.photos.given_photos import GivenPhotos
from splatworker.stages import arrivals


def given(folder: Path, names: list[str], masks: Path | None = None) -> GivenPhotos:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"-")
    return GivenPhotos(folder, arrivals.at_once, masks)


def handed_out(photos: GivenPhotos, developed: set[str] | None = None) -> list[tuple[int, str, str]]:
    """(number, what people call it, clean name) of each, until there is none."""
    found = []
    while (file := photos.next(developed)) is not None:
        found.append((file.index, file.shown, file.name))
    return found


def test_clean_names_differ_in_any_letter_case(tmp_path: Path) -> None:
    files = handed_out(given(tmp_path, ["a b.jpg", "a_b.png", "A.B.JPG", "in/a b.jpg"]))
    assert [number for number, _, _ in files] == [0, 1, 2, 3]
    assert len({name.lower() for _, _, name in files}) == 4
    assert {shown for _, shown, _ in files} == {"a b.jpg", "a_b.png", "A.B.JPG", "in/a b.jpg"}


@pytest.mark.parametrize("developed", [set(), {"shot"}])
def test_a_raw_file_waits_for_the_picture_beside_it(tmp_path: Path, developed: set[str]) -> None:
    photos = given(tmp_path, ["shot.dng", "shot.jpg", "alone.dng"])
    assert {shown for _, shown, _ in handed_out(photos)} == {"shot.jpg", "alone.dng"}
    assert photos.waits
    assert [shown for _, shown, _ in handed_out(photos, developed)] == ([] if developed else ["shot.dng"])
    left = photos.left_out(developed)
    assert (left.shown if left else None) == ("shot.dng" if developed else None)
    assert not photos.waits


def test_each_has_its_mask(tmp_path: Path) -> None:
    photos = given(tmp_path / "photos", ["a.jpg", "b.jpg"], tmp_path / "masks")
    (tmp_path / "masks").mkdir()
    (tmp_path / "masks" / "b.png").write_bytes(b"-")
    files = [photos.next(None), photos.next(None)]
    assert [file.mask for file in files if file] == [None, tmp_path / "masks" / "b.png"]
