"""Which photos share a camera, and what is known of it beforehand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from support.photo_headers import write_photo

from splatworker.sfm.cameras import CameraGroup, group_photos
from splatworker.sfm.photo import read_photos


def groups_of(folder: Path) -> list[CameraGroup]:
    photos, _ = read_photos(folder)
    return group_photos(photos, [folder / photo.name for photo in photos])


def test_photos_of_one_camera_share_it_and_its_focal_length(tmp_path: Path) -> None:
    for number in range(3):
        write_photo(
            tmp_path / f"{number}.jpg",
            make="Acme",
            model="One",
            focal=(5, 1),
            focal_35=30,
            orientation=1 + 5 * (number % 2),
        )
    write_photo(tmp_path / "zoomed.jpg", make="Acme", model="One", focal=(10, 1), focal_35=60)
    write_photo(tmp_path / "turned.jpg", size=(40, 60), make="Acme", model="One", focal=(5, 1), focal_35=30)
    groups = groups_of(tmp_path)
    assert [len(group.photos) for group in groups] == [3, 1, 1]
    assert all(group.has_prior for group in groups)
    # 30 mm on a film of 43.27 mm diagonal, on 72.1 pixels of diagonal.
    assert groups[0].focal == pytest.approx(30 / 43.27 * np.hypot(60, 40), rel=0.02)
    by_name = {group.photos[0].name: group.focal for group in groups}
    assert by_name["zoomed.jpg"] == pytest.approx(2 * groups[0].focal)


def test_a_focal_length_alone_tells_a_camera(tmp_path: Path) -> None:
    for number in range(2):
        write_photo(tmp_path / f"{number}.jpg", focal=(543, 100))
    [group] = groups_of(tmp_path)
    assert not group.has_prior
    assert group.focal == pytest.approx(1.2 * 60)


def test_frames_of_a_video_share_a_camera_and_internet_photos_do_not(tmp_path: Path) -> None:
    (tmp_path / "video").mkdir()
    (tmp_path / "internet").mkdir()
    for number in range(6):
        write_photo(tmp_path / "video" / f"{number}.jpg")
        write_photo(tmp_path / "internet" / f"{number}.jpg", size=(60, 40 + number))
    write_photo(tmp_path / "internet" / "twin.jpg", size=(60, 42))
    assert [len(group.photos) for group in groups_of(tmp_path / "video")] == [6]
    assert [len(group.photos) for group in groups_of(tmp_path / "internet")] == [1] * 7
