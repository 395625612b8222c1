"""Features of a photo's file: of every kind, in its own pixels, without what a mask hides; and some found ahead."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support.grey_photos import agreement, by_vlfeat, picture
from support.waiting import PATIENCE_S

from splatworker.sfm import photo_features
from splatworker.sfm.accelerator import NONE
from splatworker.sfm.photo_features import Ahead
from splatworker.sfm.sift import has_kernel

pytestmark = pytest.mark.skipif(not has_kernel(), reason="this installation has no SIFT kernel")

NO_MASK = Path("no mask")


def save(folder: Path, count: int) -> list[str]:
    names = [f"{number}.png" for number in range(count)]
    for number, name in enumerate(names):
        Image.fromarray(picture(number, 150, 200)).save(folder / name)
    return names


@pytest.mark.parametrize("longest", [0, 150])
def test_a_mask_hides_features(tmp_path: Path, longest: int) -> None:
    (name,) = save(tmp_path, 1)
    mask = tmp_path / "mask.png"
    Image.fromarray(np.where(np.arange(200) < 80, 255, 0)[None].repeat(150, 0).astype(np.uint8)).save(mask)
    whole = photo_features.features_of(tmp_path / name, NO_MASK, longest or 1600, 0, 1000)
    masked = photo_features.features_of(tmp_path / name, mask, longest or 1600, 0, 1000)
    assert whole is not None
    assert masked is not None
    shown = whole.keypoints[:, 0] < 80
    assert 10 < shown.sum() < len(shown) - 10
    assert np.array_equal(masked.keypoints, whole.keypoints[shown])
    assert np.array_equal(masked.descriptors, whole.descriptors[shown])


def test_every_kind_of_photo_is_read_in_grey(tmp_path: Path) -> None:
    grey = picture(0, 120, 160)
    image = Image.fromarray(grey)
    kinds = {
        "grey.png": image,
        "colour.png": image.convert("RGB"),
        "palette.png": image.convert("P"),
        "alpha.png": image.convert("RGBA"),
        "sixteen_bits.png": Image.fromarray(grey.astype(np.uint16) * 257),
    }
    for name, kind in kinds.items():
        kind.save(tmp_path / name)
        read, size = photo_features.read_grey(tmp_path / name, 1600)
        assert size == (160, 120)
        assert np.array_equal(read, grey), name
    for name in ("grey.jpg", "colour.jpg", "cmyk.jpg"):
        image.convert({"grey": "L", "colour": "RGB", "cmyk": "CMYK"}[name[:-4]]).save(tmp_path / name, quality=100)
        read, _ = photo_features.read_grey(tmp_path / name, 1600)
        assert np.abs(read.astype(int) - grey).max() < 12, name


@pytest.mark.parametrize("size", [(640, 480), (641, 483), (1283, 963)])
@pytest.mark.parametrize("kind", ["jpg", "png"])
def test_a_shrunk_photo_lies_where_the_photo_lies(tmp_path: Path, size: tuple[int, int], kind: str) -> None:
    """Also where a JPEG is decoded to a half or a quarter whose last pixel reaches beyond it."""
    y, x = np.mgrid[: size[1], : size[0]]
    column, row = 0.7 * size[0] + 0.3, 0.6 * size[1] + 0.2
    blob = 30 + 200 * np.exp(-((x - column) ** 2 + (y - row) ** 2) / (2 * 20.0**2))
    Image.fromarray(np.round(blob).astype(np.uint8)).save(tmp_path / f"blob.{kind}", quality=98)
    found = photo_features.features_of(tmp_path / f"blob.{kind}", NO_MASK, 300, 0, 1)
    assert found is not None
    at_x, at_y, scale, *_ = found.keypoints[0]
    assert abs(at_x - 0.5 - column) < 0.3
    assert abs(at_y - 0.5 - row) < 0.3
    assert scale == pytest.approx(20, rel=0.2)


def test_vlfeats_features_of_a_photo_are_ours(tmp_path: Path) -> None:
    """Without a change of size the grey is COLMAP's, and so are the features."""
    (name,) = save(tmp_path, 1)
    found = photo_features.features_of(tmp_path / name, NO_MASK, 1600, 0, 100_000)
    assert found is not None
    alike = agreement(by_vlfeat(picture(0, 150, 200), 0), found.keypoints, found.descriptors)
    assert alike.found > 0.98


def test_what_is_found_ahead_is_what_is_found(tmp_path: Path) -> None:
    names = save(tmp_path, 3)
    (tmp_path / "link.png").symlink_to(tmp_path / names[0])
    (tmp_path / "3.png").write_bytes(b"no photo")
    ahead = Ahead()
    ahead.begin([tmp_path / name for name in (*names, "3.png")], 120, 0, 99, 2, NONE)
    for name in ("link.png", names[1]):
        job = ahead.take(tmp_path / name, 120, 0, 99)
        assert job is not None
        found, expected = job.result(), photo_features.find(tmp_path / name, 120, 0, 99)
        assert found is not None
        assert expected is not None
        assert len(found.keypoints) > 20
        assert np.array_equal(found.keypoints, expected.keypoints)
        assert np.array_equal(found.descriptors, expected.descriptors)
    broken = ahead.take(tmp_path / "3.png", 120, 0, 99)
    assert broken is not None
    assert broken.result() is None
    assert ahead.take(tmp_path / names[0], 120, 0, 99) is None  # given away
    assert ahead.take(tmp_path / names[2], 121, 0, 99) is None  # otherwise looked at
    assert ahead.take(tmp_path / names[2], 120, 0, 99) is not None
    ahead.end()


def test_what_nobody_asked_for_is_not_begun_with_after_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    may_go_on, begun = threading.Event(), []

    def find(photo: Path, *_how: object) -> None:
        begun.append(photo)
        may_go_on.wait(PATIENCE_S)

    monkeypatch.setattr(photo_features, "find", find)
    ahead = Ahead()
    ahead.begin([tmp_path / f"{number}.png" for number in range(1000)], 120, 0, 99, 1, NONE)
    first = ahead.take(tmp_path / "0.png", 120, 0, 99)
    ahead.end()
    may_go_on.set()
    assert first is not None
    first.result(PATIENCE_S)
    assert ahead.take(tmp_path / "1.png", 120, 0, 99) is None
    assert len(begun) <= 2
