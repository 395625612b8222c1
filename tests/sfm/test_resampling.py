"""Photos as a pinhole camera would have taken them: COLMAP's pixels to one grey level, for every lens."""

from __future__ import annotations

import numpy as np
import pytest
from support.grey_photos import picture

from splatworker.sfm import resampling
from splatworker.sfm.colmap import pycolmap
from splatworker.sfm.undistorted_camera import undistorted

WIDTH, HEIGHT = 200, 150

LENSES: dict[str, list[float]] = {
    "SIMPLE_PINHOLE": [180, 101, 74],
    "PINHOLE": [180, 190, 101, 74],
    "SIMPLE_RADIAL": [180, 100, 75, -0.12],
    "RADIAL": [180, 100, 75, -0.1, 0.03],
    "OPENCV": [180, 185, 103, 72, 0.05, -0.07, 0.003, -0.004],
    "FULL_OPENCV": [180, 185, 103, 72, 0.05, -0.07, 0.003, -0.004, 0.01, 0.02, 0.01, 0.0],
    "OPENCV_FISHEYE": [90, 92, 100, 75, 0.02, -0.01, 0.003, 0.0],
    "SIMPLE_RADIAL_FISHEYE": [90, 100, 75, 0.03],
    "RADIAL_FISHEYE": [90, 100, 75, 0.03, -0.01],
}


def lens_of(model: str) -> pycolmap.Camera:
    lens = pycolmap.Camera.create_from_model_name(1, model, 180, WIDTH, HEIGHT)
    lens.params = LENSES[model]
    return lens


def colours(seed: int = 0, height: int = HEIGHT, width: int = WIDTH) -> np.ndarray:
    return np.dstack([picture(seed + k, height, width) for k in range(3)])


@pytest.mark.parametrize("model", LENSES)
def test_a_photo_is_straightened_as_colmap_does_it(model: str) -> None:
    lens, photo = lens_of(model), colours()
    how = pycolmap.UndistortCameraOptions()
    how.min_scale, how.max_scale = 0.5, 1.5
    how.max_cam_point_norm = 2.0 if "FISHEYE" in model else -1.0
    theirs, pinhole = pycolmap.undistort_image(how, pycolmap.Bitmap.from_array(photo), lens)
    expected = np.asarray(theirs.to_array())
    straight = undistorted(lens, how.max_cam_point_norm, 0)
    assert (pinhole.width, pinhole.height) == (expected.shape[1], expected.shape[0])
    if "FISHEYE" not in model:  # of which less is kept
        assert 0 <= pinhole.width - straight.pinhole.width <= 1  # the fraction of a pixel that aligns it
        assert 0 <= pinhole.height - straight.pinhole.height <= 1
    focal = pinhole.focal_length_x, pinhole.focal_length_y
    center = pinhole.principal_point_x, pinhole.principal_point_y
    pinhole.model, pinhole.params = pycolmap.CameraModelId.PINHOLE, [*focal, *center]
    found = resampling.straighten(photo, lens, pinhole)
    shown = expected.any(axis=2)  # COLMAP leaves the outermost row and column black where nothing is bent
    assert shown.mean() > 0.95
    assert np.abs(found.astype(int) - expected)[shown].max() <= 1
    assert (found != expected)[shown].mean() < 0.02


@pytest.mark.skipif(not resampling.has_kernel(), reason="this installation has no kernel of undistortion")
@pytest.mark.parametrize("model", LENSES)
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_the_kernel_agrees_with_its_plain_twin(model: str, channels: int) -> None:
    lens = lens_of(model)
    photo = np.dstack([picture(k, HEIGHT, WIDTH) for k in range(channels)])
    pinhole = pycolmap.Camera.create_from_model_name(1, "PINHOLE", 150, 211, 163)  # sees beyond the photo
    found, plain = (how(photo, lens, pinhole) for how in (resampling.straighten, resampling.straighten_plainly))
    assert found.shape == plain.shape == (163, 211, channels)
    border = (found == 0).all(axis=2) != (plain == 0).all(axis=2)  # a place at the photo's very edge
    assert border.mean() < 0.002
    assert np.abs(found.astype(int) - plain)[~border].max() <= 1


@pytest.mark.skipif(not resampling.has_kernel(), reason="this installation has no kernel of undistortion")
@pytest.mark.parametrize("model", ["OPENCV", "FULL_OPENCV"])
def test_channels_are_straightened_alike_by_vectors_and_one_by_one(model: str) -> None:
    lens = lens_of(model)
    pinhole = pycolmap.Camera.create_from_model_name(1, "PINHOLE", 150, 211, 163)
    photo = np.dstack([colours(), picture(9, HEIGHT, WIDTH)])
    alone = [resampling.straighten(photo[:, :, k : k + 1], lens, pinhole) for k in range(4)]
    for channels in (3, 4):
        together = resampling.straighten(photo[:, :, :channels], lens, pinhole)
        assert np.array_equal(together, np.concatenate(alone[:channels], axis=2))


def test_without_a_kernel_the_plain_twin_does_it(monkeypatch: pytest.MonkeyPatch) -> None:
    lens, photo = lens_of("OPENCV"), colours()
    pinhole = pycolmap.Camera.create_from_model_name(1, "PINHOLE", 180, WIDTH, HEIGHT)
    monkeypatch.setattr(resampling, "has_kernel", lambda: False)
    assert np.array_equal(
        resampling.straighten(photo, lens, pinhole), resampling.straighten_plainly(photo, lens, pinhole)
    )


def test_a_lens_without_distortion_changes_no_pixel() -> None:
    photo = colours()
    lens = pycolmap.Camera.create_from_model_name(1, "PINHOLE", 180, WIDTH, HEIGHT)
    assert np.array_equal(resampling.straighten(photo, lens, lens), photo)


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 7), (7, 1), (2, 2), (5, 3)])
def test_small_photos_and_what_is_beyond_their_edges(height: int, width: int) -> None:
    photo = colours(3, height, width) | np.uint8(1)
    lens = pycolmap.Camera.create_from_model_name(1, "PINHOLE", 10, width, height)
    wide = pycolmap.Camera.create_from_model_name(1, "PINHOLE", 10, width + 4, height + 2)
    found = resampling.straighten(photo, lens, wide)
    assert np.array_equal(found[1:-1, 2:-2], photo)
    found[1:-1, 2:-2] = 0
    assert not found.any()


@pytest.mark.skipif(not resampling.has_kernel(), reason="this installation has no kernel of undistortion")
def test_what_cannot_be_is_refused() -> None:
    from splatworker import _undistortion as kernel

    photo, four = colours(), [180.0, 180.0, 100.0, 75.0]
    for model, parameters, size, message in (
        (1, four[:3], (9, 9), "parameters"),
        (99, four, (9, 9), "model"),
        (1, four, (0, 9), "sides"),
        (1, four, (9, 70_000), "sides"),
    ):
        with pytest.raises(ValueError, match=message):
            kernel.straighten(photo, model, np.array(parameters), four, *size)
    with pytest.raises(ValueError, match="channels"):
        kernel.straighten(photo[:, :, :2].copy(), 1, np.array(four), four, 9, 9)
    with pytest.raises(ValueError, match="sides"):
        kernel.resample(photo[:0], np.zeros((2, 2, 2), np.float32))
    nowhere = np.array([[[np.nan, 0], [-1e30, 0], [1e30, 1e30], [np.inf, 3]]], np.float32)
    assert not kernel.resample(photo, nowhere).any()
