"""Photos as tensors."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageFile

from splatworker.errors import InvalidScene
from splatworker.formats import pixels as formats_pixels
from splatworker.formats.camera import Camera
from splatworker.formats.scene import Photo
from splatworker.render.arrays import Device, device_of, to_numpy
from splatworker.train.options import Options
from splatworker.train.photos import load_photo, load_views
from splatworker.train.resolution import Pyramid


def _photo(path: Path, width: int, height: int) -> Photo:
    return Photo(path.name, path, Camera(width, height, 10.0, 12.0, width / 2, height / 3, np.eye(3, 4)))


def test_pixels_come_as_they_are(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (6, 9, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    array = load_photo(_photo(tmp_path / "a.png", 9, 6), (9, 6), 0)
    np.testing.assert_array_equal(array, pixels.transpose(2, 0, 1))
    assert array.flags.c_contiguous


def test_shrinking_averages_areas(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (8, 12, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    array = load_photo(_photo(tmp_path / "a.png", 12, 8), (6, 4), 0)
    expected = pixels.reshape(4, 2, 6, 2, 3).mean(axis=(1, 3)).transpose(2, 0, 1)
    assert np.abs(array - expected).max() <= 1


def test_large_jpeg_shrinks_to_its_mean(tmp_path: Path) -> None:
    gradient = np.linspace(0, 255, 2000).astype(np.uint8)
    Image.fromarray(np.broadcast_to(gradient[None, :, None], (1000, 2000, 3)).copy()).save(tmp_path / "a.jpg")
    array = load_photo(_photo(tmp_path / "a.jpg", 2000, 1000), (200, 100), 0)
    expected = np.linspace(0, 255, 2000).reshape(200, 10).mean(1)
    assert np.abs(array - expected).max() <= 2


def test_a_file_is_decoded_in_one_piece_up_to_a_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (600, 800, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.jpg", quality=95)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    size, pieces = (tmp_path / "a.jpg").stat().st_size, []
    assert size > 3 * ImageFile.MAXBLOCK
    decoded = []
    whole = ImageFile.ImageFile.load

    def load(image: ImageFile.ImageFile) -> object:
        pieces.append(image.decodermaxblock)
        return whole(image)

    monkeypatch.setattr(ImageFile.ImageFile, "load", load)
    for most in (2**25, 1000):
        monkeypatch.setattr(formats_pixels, "MOST_AT_ONCE", most)
        decoded.append(load_photo(_photo(tmp_path / "a.jpg", 800, 600), (800, 600), 0))
        np.testing.assert_array_equal(
            load_photo(_photo(tmp_path / "a.png", 800, 600), (800, 600), 0), pixels.transpose(2, 0, 1)
        )
    np.testing.assert_array_equal(decoded[0], decoded[1])
    assert size in pieces
    assert ImageFile.MAXBLOCK in pieces


@pytest.mark.parametrize("background", [0, 255])
def test_transparency_lies_over_the_background(tmp_path: Path, background: int) -> None:
    Image.fromarray(np.full((2, 2, 4), (100, 50, 0, 0), np.uint8)).save(tmp_path / "a.png")
    array = load_photo(_photo(tmp_path / "a.png", 2, 2), (2, 2), background)
    np.testing.assert_array_equal(array, np.full((3, 2, 2), background))


def test_grey_becomes_rgb(tmp_path: Path) -> None:
    Image.fromarray(np.full((2, 3), 77, np.uint8)).save(tmp_path / "a.png")
    assert load_photo(_photo(tmp_path / "a.png", 3, 2), (3, 2), 0).shape == (3, 2, 3)


def test_another_shape_than_the_cameras_is_refused(tmp_path: Path) -> None:
    Image.new("RGB", (5, 4)).save(tmp_path / "a.png")
    with pytest.raises(InvalidScene, match=r"a\.png is 5x4, but its camera 4x5"):
        load_photo(_photo(tmp_path / "a.png", 4, 5), (4, 5), 0)


@pytest.mark.parametrize("cut", [0, 10, 1000])
def test_a_broken_photo_is_named(tmp_path: Path, cut: int) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "a.png")
    (tmp_path / "a.png").write_bytes((tmp_path / "a.png").read_bytes()[:cut])
    with pytest.raises(InvalidScene, match=r"a\.png cannot be decoded"):
        load_photo(_photo(tmp_path / "a.png", 64, 64), (64, 64), 0)


def test_views_keep_their_order_and_scale_their_cameras(device: Device, tmp_path: Path) -> None:
    photos = []
    for index in range(7):
        Image.new("RGB", (40, 20), (index, 0, 0)).save(tmp_path / f"{index}.png")
        photos.append(_photo(tmp_path / f"{index}.png", 40, 20))
    options = Options(source_path=tmp_path, model_path=tmp_path, resolution=2)
    counts: list[int] = []
    views = load_views(photos, options, device, counts.append)
    assert [view.photo[0, 0, 0].item() for view in views] == list(range(7))
    assert counts == [1, 2, 3, 4, 5, 6, 7]
    camera = views[0].camera
    assert (camera.width, camera.height, camera.fx, camera.fy, camera.cx) == (20, 10, 5.0, 6.0, 10.0)
    assert to_numpy(views[0].photo).dtype == np.uint8
    assert device_of(views[0].photo) == device


@pytest.fixture
def seven(tmp_path: Path) -> tuple[list[Photo], Options]:
    """Seven photos of 256x192 noise, and options to train on them from coarse to fine."""
    photos = []
    for index in range(7):
        noise = np.random.default_rng(index).integers(0, 256, (192, 256, 3), dtype=np.uint8)
        Image.fromarray(noise).save(tmp_path / f"{index}.png")
        photos.append(_photo(tmp_path / f"{index}.png", 256, 192))
    return photos, Options(source_path=tmp_path, model_path=tmp_path, coarse_iterations=10)


def test_photos_over_the_budget_stream_and_are_the_same(device: Device, seven: tuple[list[Photo], Options]) -> None:
    photos, options = seven
    size = 7 * 3 * 256 * 192
    held, streamed = (load_views(photos, options, device, budget=bytes_) for bytes_ in (2 * size, size))
    assert (held.streams, streamed.streams) == (False, True)  # with their halves and quarters they are over it
    assert load_views(photos, options, device).streams is False  # on a CPU there is nowhere to stream to
    pyramids = [Pyramid(views[:5], options.coarse_iterations) for views in (held, streamed)]
    for iteration in (1, 6, 11):
        for index in range(5):
            one, other = (pyramid.view(index, iteration) for pyramid in pyramids)
            assert np.array_equal(to_numpy(one.photo), to_numpy(other.photo))
            assert one.camera.width == other.camera.width
    assert np.array_equal(to_numpy(streamed.at([6])[0].photo), to_numpy(held[6].photo))
    assert streamed.at([6]).streams
    assert len(streamed[5:]) == 2
    assert streamed[5:].streams
    assert [view.photo.shape for view in streamed[5:]] == [(3, 192, 256)] * 2


@pytest.mark.gpu
def test_on_a_gpu_they_come_from_pinned_memory(seven: tuple[list[Photo], Options]) -> None:
    if not torch.cuda.is_available():
        pytest.skip("no NVIDIA GPU here")
    photos, options = seven
    device = torch.device("cuda", 0)
    streamed = load_views(photos, options, device, budget=1000)
    held = load_views(photos, options, device)
    assert streamed._views[0].photo.is_pinned()
    pyramids = [Pyramid(views, options.coarse_iterations) for views in (held, streamed)]
    assert pyramids[1]._levels[1]._views[0].photo.is_pinned()
    for iteration in (1, 6, 11):
        for index in range(7):
            one, other = (pyramid.view(index, iteration) for pyramid in pyramids)
            assert other.photo.device == device
            assert torch.equal(one.photo, other.photo)
