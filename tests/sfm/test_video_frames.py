"""Frames of a video among photos: they follow upon each other, and one camera took them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import ExifTags, Image

from splatworker.formats.video_frame import VideoFrame, describe
from splatworker.photos.decode import decode_folder
from splatworker.sfm.cameras import group_photos
from splatworker.sfm.pairs import choose_pairs
from splatworker.sfm.photo import read_photos, sequences
from splatworker.stages.progress import Silent


def write(folder: Path, name: str, video: str = "", seconds: float = 0.0, description: str = "") -> None:
    exif = Image.Exif()
    if video:
        description = describe(VideoFrame(video, seconds))
    if description:
        exif[ExifTags.Base.ImageDescription] = description
    folder.mkdir(exist_ok=True)
    pixels = np.random.default_rng(sum(name.encode())).integers(0, 255, (90, 120, 3)).astype(np.uint8)
    Image.fromarray(pixels).save(folder / name, exif=exif.tobytes())


def some_photos(folder: Path) -> Path:
    """Two clips whose names mix in the alphabet, and two photos without a word on their camera."""
    for number in range(6):
        write(folder, f"a-{number}.jpg", "00000001" if number % 2 else "00000002", number / 3)
    for number in range(2):
        write(folder, f"b-{number}.jpg")
    return folder


def test_decoding_keeps_it_and_no_other_description(tmp_path: Path) -> None:
    write(tmp_path / "in", "a.jpg", "0123abcd", 1.5)
    write(tmp_path / "in", "b.jpg", description="my secret garden")
    decode_folder(tmp_path / "in", tmp_path / "out", Silent())
    photos, _ = read_photos(tmp_path / "out")
    assert [photo.frame for photo in photos] == [VideoFrame("0123abcd", 1.5), None]
    assert b"secret" not in (tmp_path / "out" / "b.jpg").read_bytes()


def test_each_video_has_a_camera_of_its_own(tmp_path: Path) -> None:
    photos, _ = read_photos(some_photos(tmp_path / "in"))
    groups = group_photos(photos, [photo.within(tmp_path / "in") for photo in photos])
    assert sorted(len(group.photos) for group in groups) == [1, 1, 3, 3]
    assert not any(group.has_prior for group in groups)


def test_frames_of_a_video_are_in_sequence(tmp_path: Path) -> None:
    photos, _ = read_photos(some_photos(tmp_path / "in"))
    assert sorted(sequences(photos)) == [[0, 2, 4], [1, 3, 5]]


def test_neighbours_in_a_video_are_matched_and_loops_by_likeness() -> None:
    count = 150
    nothing_alike = np.eye(count, dtype=np.float32)
    nothing_alike[0, 149] = nothing_alike[149, 0] = 0.9
    video = list(range(1, count + 1))
    pairs = choose_pairs(count, "auto", True, lambda: nothing_alike, videos=[video])
    assert {(first, first + step) for first in range(1, 140) for step in range(1, 11)} <= set(pairs)
    assert (1, 150) in pairs
    assert len(pairs) < 150 * 16
    woven = [video[::2], video[1::2]]
    assert (1, 21) in choose_pairs(count, "auto", True, lambda: nothing_alike, videos=woven)


def test_photos_beside_a_video_are_matched_by_likeness() -> None:
    count = 150
    rng = np.random.default_rng(0)
    alike = rng.random((count, count), np.float32)
    with_photos = choose_pairs(count, "auto", True, lambda: alike, videos=[list(range(1, 101))])
    assert len(with_photos) > len(choose_pairs(count, "auto", True, lambda: alike, videos=[list(range(1, 151))]))
    partners = [sum(150 in pair for pair in with_photos)]
    assert min(partners) >= 20
