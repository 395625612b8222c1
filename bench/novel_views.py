"""How a splat shows photos that it was not trained on: scores, floaters, pictures. Used by bench/few_photos.py.

Scores of a photo: PSNR; `cc_psnr`, the same after the render's red, green and blue have each been given the gain and
offset that fit the photo best (least squares), which forgives an exposure that the photo has to itself; SSIM;
`half_psnr`, the PSNR of its right half with the exposure that is fitted on its left half, as is usual for photos of
many people (Martin-Brualla et al. 2021, "NeRF in the Wild", section 4), and `right_psnr`, that of the right half as it
is drawn: what trainers have by that protocol that know of no exposures.

`floaters` is the share of the photo's pixels before which at least half of the opacity lies nearer than the nearest
scene point in the photo's sight (of which one in a hundred may be a false match and is passed over): there is nothing,
and what stands there was made up to please a training photo.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.float64]

NEAR_QUANTILE = 0.01
"""Of the points in sight, which is taken for the nearest."""

FREE = 0.9
"""Free space ends at this share of the nearest point's depth: a Gaussian has a size."""

FEWEST_POINTS = 20
"""A photo with fewer points in sight tells nothing of free space."""


def measure(
    gaussians: Any,
    photos: list[Any],
    points: npt.NDArray[np.float64],
    renderer: Any,
    options: Any,
    pictures: Path | None = None,
) -> list[dict[str, Any]]:
    """The figures of every photo.

    Args:
        gaussians: the splat, as read from its file.
        photos: of the scene, with cameras.
        points: (N, 3) the scene's points, of all its photos.
        options: those of the training: how large photos are drawn, and over which colour.
        pictures: a folder for the photos and their renders, side by side.
    """
    from splatworker.export.pictures import SplatRenderer
    from splatworker.train.exposures import of_right_half
    from splatworker.train.photos import load_views

    background = (float(options.white_background),) * 3
    whole = SplatRenderer(gaussians, renderer, background)
    told = []
    for photo, view in zip(photos, load_views(photos, options, renderer.device), strict=True):
        drawn = whole.image(view.camera)
        image, truth = on_host(drawn), on_host(view.photo) / 255
        half, middle = of_right_half(view, drawn), truth.shape[2] // 2
        told.append(
            {
                "name": photo.name,
                "psnr": psnr(image, truth),
                "cc_psnr": psnr(colour_corrected(image, truth), truth),
                "half_psnr": psnr(on_host(half.image), on_host(half.view.photo) / 255),
                "right_psnr": psnr(image[:, :, middle:], truth[:, :, middle:]),
                "ssim": whole.ssim(drawn, view.photo),
                "floaters": floaters(gaussians, view.camera, points, renderer),
            }
        )
        if pictures:
            draw(pictures / f"{Path(photo.name).stem}.png", truth, image)
    return told


def on_host(array: Any) -> Pixels:
    """An image as float64 in the processor's memory, whatever kind of array it is."""
    from splatworker.render.arrays import to_numpy

    return to_numpy(array).astype(np.float64)


def psnr(image: Pixels, truth: Pixels) -> float:
    """Peak signal-to-noise ratio of two images in [0, 1], in decibels."""
    error = float(np.mean((np.clip(image, 0, 1) - truth) ** 2))
    return -10 * math.log10(max(1e-12, error))


def colour_corrected(image: Pixels, truth: Pixels) -> Pixels:
    """(3, H, W) the image with the gain and offset of each channel that come nearest to the other."""
    corrected = np.empty_like(image)
    for channel, (drawn, wanted) in enumerate(zip(image, truth, strict=True)):
        spread = drawn.var()
        gain = np.mean((drawn - drawn.mean()) * (wanted - wanted.mean())) / spread if spread > 1e-9 else 0.0
        corrected[channel] = gain * (drawn - drawn.mean()) + wanted.mean()
    return corrected


def floaters(gaussians: Any, camera: Any, points: npt.NDArray[np.float64], renderer: Any) -> float | None:
    """The share of pixels with something in the free space before the camera; None where points do not tell."""
    from splatworker.export.pictures import SplatRenderer
    from splatworker.formats.near_depth import near_depth
    from splatworker.formats.subset import take

    nearest = near_depth(camera, points, NEAR_QUANTILE, FEWEST_POINTS)
    if nearest is None:
        return None
    depth = gaussians.means @ camera.camera_from_world[2, :3] + camera.camera_from_world[2, 3]
    near = (depth > 0) & (depth < FREE * nearest)
    if not near.any():
        return 0.0
    covered = on_host(SplatRenderer(take(gaussians, near), renderer, (0.0, 0.0, 0.0)).covered(camera))
    return float((covered >= 0.5).mean())


def draw(path: Path, truth: Pixels, image: Pixels) -> None:
    """Write the photo and the render, side by side."""
    from PIL import Image

    both = np.concatenate([truth, np.clip(image, 0, 1)], axis=2).transpose(1, 2, 0)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray((both * 255).round().astype(np.uint8)).save(path)
