"""Files that people give us: found in folders within folders, and shown whatever their names are made of."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from splatworker.stages import file_names
from splatworker.stages.file_names import distinct, find_files, left_out, readable


def touch(*paths: Any) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")


def test_names_that_are_no_utf8_are_read_as_windows_letters() -> None:
    assert readable("photo.jpg") == "photo.jpg"
    assert readable(os.fsdecode(b"M\xfcnchen.jpg")) == "M\u00fcnchen.jpg"
    assert readable(os.fsdecode(b"\x81.jpg")) == "\ufffd.jpg"


def test_names_that_read_alike_are_kept_apart() -> None:
    alike = [os.fsdecode(b"a/\xfc.jpg"), "a/\u00fc.jpg", "b.jpg"]
    assert distinct(alike) == ["a/\u00fc.jpg", "a/\u00fc_2.jpg", "b.jpg"]


def test_files_come_in_natural_order_and_hidden_ones_do_not(tmp_path: Path) -> None:
    touch(*(tmp_path / name for name in ("10.jpg", "9.jpg", ".hidden.jpg", "Thumbs.db", "sub/1.jpg", "__MACOSX/2.jpg")))
    (tmp_path / "sub" / "again").symlink_to(tmp_path)
    found = find_files(tmp_path)
    assert [path.relative_to(tmp_path).as_posix() for path in found.files] == ["9.jpg", "10.jpg", "sub/1.jpg"]
    assert found.passed_over == {}


def test_pictures_made_from_the_photos_are_passed_over_with_the_reason(tmp_path: Path) -> None:
    touch(*(tmp_path / name for name in ("images/1.jpg", "images_4/1.jpg", "masks/1.png", "model/cfg_args")))
    found = find_files(tmp_path)
    assert [path.parent.name for path in found.files] == ["images"]
    assert found.passed_over == {
        "images_4": "it holds smaller copies of images",
        "masks": "it holds masks",
        "model": "it was made by an earlier run",
    }


def test_a_folder_without_end_is_not_searched_to_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    touch(*(tmp_path / f"{number}.jpg" for number in range(5)), tmp_path.joinpath(*["d"] * 9, "deep.jpg"))
    assert list(find_files(tmp_path).passed_over.values()) == ["it lies too deep"]
    monkeypatch.setattr(file_names, "MOST_FILES", 3)
    found = find_files(tmp_path)
    assert len(found.files) == 3
    assert found.passed_over == {"...": "there are more than 3 files"}


def test_what_lies_beside_a_photo_is_nobodys(tmp_path: Path) -> None:
    beside = ("a.aae", "A.XMP", "a.jpg.json", "a.jpg.supplemental-metadata.json", "walk.thm", "walk.lrv")
    kept = ["a.jpg", "alone.txt", "notes.json", "walk.mp4"]
    touch(*(tmp_path / name for name in (*beside, *kept)))
    found = find_files(tmp_path)
    assert [path.name for path in found.files] == kept
    assert found.set_aside == {}


def test_what_cannot_be_read_and_masks_beside_photos_are_set_aside_with_the_reason(tmp_path: Path) -> None:
    touch(*(tmp_path / name for name in ("a.jpg", "a.mask.png", "A_mask.PNG", "b.mask.png", "mask.png")))
    (tmp_path / "gone.jpg").symlink_to("nowhere.jpg")
    (tmp_path / "itself.jpg").symlink_to("itself.jpg")
    os.mkfifo(tmp_path / "pipe.jpg")
    found = find_files(tmp_path)
    assert [path.name for path in found.files] == ["a.jpg", "b.mask.png", "mask.png"]
    why = {name: reason.split(",")[0] for name, reason in found.set_aside.items()}
    assert why == {
        "a.mask.png": "it is a mask by its name",
        "A_mask.PNG": "it is a mask by its name",
        "gone.jpg": "it is a link that leads nowhere",
        "itself.jpg": "it is a link that leads nowhere",
        "pipe.jpg": "it is a pipe",
    }


def test_files_of_one_reason_are_told_together() -> None:
    reasons = [("a", "it is torn"), ("b", "it is wet"), *((name, "it is torn") for name in "cde")]
    assert list(left_out(reasons)) == [
        "a, c, d and 1 more are left out, each because it is torn.",
        "b is left out: it is wet.",
    ]


def test_a_folder_that_is_known_to_hold_masks_is_not_entered(tmp_path: Path) -> None:
    touch(*(tmp_path / name for name in ("a.jpg", "seg/a.png", "more/seg/b.png", "more/b.jpg")))
    for masks in (tmp_path / "seg", tmp_path / "more" / ".." / "seg"):
        assert [path.name for path in find_files(tmp_path, masks).files] == ["a.jpg", "b.jpg", "b.png"]
    assert len(find_files(tmp_path, tmp_path).files) == 4
    assert len(find_files(tmp_path, tmp_path / "nowhere").files) == 4
