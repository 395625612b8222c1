"""Zooming out and in: photos that were held out, scored at half, at the same and at double the training's resolution.

    python bench/zoom.py SCENE [--resolution 4] [--iterations 1000] [--filters 0.04 0.2] [--device cpu] [--seed 0]

Two trainings on SCENE, at `--resolution` (of `splatworker train`, but for 1): with `antialiasing` and without. Each
splat is drawn as it was trained, at the cameras of every eighth photo, which neither has seen:

* half: the photo is the mean of four pixels each, the focal length half, as if seen from twice as far;
* same: as the training's photos;
* double: the photo at half the divisor, so with detail that no training photo had.

`--filters` are variances in square pixels of the nearest training camera: each splat is drawn as it is (0), and with
every Gaussian grown by so much in every direction, in the world, and made as much fainter (the 3D filter of Yu et al.
2024, "Mip-Splatting", here after the training and not during it).
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np
import numpy.typing as npt

LEAST_SHARE_LEFT = 1e-12
"""Of an opacity, for its logarithm."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scene", type=Path)
    parser.add_argument("--resolution", type=int, default=4, choices=(2, 4, 8))
    parser.add_argument("--iterations", type=int, default=1000)
    parser.add_argument("--filters", type=float, nargs="*", default=[])
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    print("| antialiasing | filter, px^2 | half | same | double | Gaussians |\n|---|---|---|---|---|---|")
    for antialiasing in (False, True):
        splat, cameras, photos, renderer, options = trained(given, antialiasing)
        for variance in (0.0, *given.filters):
            drawn = with_filter(splat, cameras, variance) if variance else splat
            scores = [f"{psnr:.2f} dB, {ssim:.4f}" for psnr, ssim in zoomed(drawn, photos, renderer, options)]
            told = "on" if antialiasing else "off"
            print(f"| {told} | {variance:g} | {' | '.join(scores)} | {len(splat)} |", flush=True)


def trained(given: argparse.Namespace, antialiasing: bool) -> tuple[Any, list[Any], list[Any], Any, Any]:
    """The splat, the cameras of the photos it was trained on at their size, the held-out photos; renderer, options."""
    from splatworker.formats.ply import read_ply
    from splatworker.formats.scene import image_size, read_scene, split
    from splatworker.render.backend import renderer_for
    from splatworker.stages.progress import Silent
    from splatworker.train.options import Options
    from splatworker.train.trainer import train

    with tempfile.TemporaryDirectory() as folder:
        options = Options(
            source_path=given.scene,
            model_path=Path(folder) / "model",
            iterations=given.iterations,
            position_lr_max_steps=given.iterations,
            densify_until_iter=given.iterations * 2 // 3,
            density="revised",
            resolution=given.resolution,
            eval=True,
            seed=given.seed,
            test_iterations=[],
            antialiasing=antialiasing,
        )
        renderer = renderer_for(given.device)
        splat = read_ply(Path(train(options, renderer, Silent())["ply"]))
    train_photos, held_out = split(read_scene(given.scene).photos, hold_out=True)
    cameras = [photo.camera.resized(*image_size(photo.camera, given.resolution)) for photo in train_photos]
    return splat, cameras, held_out, renderer, options


def zoomed(splat: Any, photos: Sequence[Any], renderer: Any, options: Any) -> list[tuple[float, float]]:
    """PSNR and SSIM, means over the photos, at half, at the same and at double the options' resolution."""
    from splatworker.render.arrays import to_device
    from splatworker.render.tensors import for_renderer
    from splatworker.train.evaluate import score_views
    from splatworker.train.photos import load_views
    from splatworker.train.resolution import halved

    tensors, names = for_renderer(splat, renderer), [photo.name for photo in photos]
    colour = to_device(np.full(3, float(options.white_background), np.float32), renderer.device)
    same = list(load_views(list(photos), options, renderer.device))
    finer = replace(options, resolution=options.resolution // 2)
    told = []
    for views in ([halved(view) for view in same], same, list(load_views(list(photos), finer, renderer.device))):
        scores = score_views(renderer, tensors, names, views, colour, splat.sh_degree)
        told.append((mean([score.psnr for score in scores]), mean([score.ssim for score in scores])))
    return told


def with_filter(splat: Any, cameras: Sequence[Any], variance: float) -> Any:
    """Every Gaussian grown by a variance, in square pixels of the camera that sees it finest, and as much fainter.

    Those that no camera sees stay as they are.
    """
    pixels = nearest_pixel(splat.means.astype(np.float64), cameras)
    before = np.exp(2 * splat.log_scales.astype(np.float64))
    after = before + np.where(np.isfinite(pixels), variance * pixels**2, 0.0)[:, None]
    share = np.exp(0.5 * (np.log(before) - np.log(after)).sum(axis=1))
    opacity = np.maximum(share * splat.opacities, LEAST_SHARE_LEFT)
    return replace(
        splat,
        log_scales=(0.5 * np.log(after)).astype(np.float32),
        opacity_logits=np.log(opacity / (1 - np.minimum(opacity, 1 - 1e-7))).astype(np.float32),
    )


def nearest_pixel(means: npt.NDArray[np.float64], cameras: Sequence[Any]) -> npt.NDArray[np.float64]:
    """(N,) how large a pixel is, in the world, at (N, 3) places, for the camera that sees it finest; else infinite."""
    from splatworker.render.interface import FRUSTUM_MARGIN, NEAR_PLANE

    finest = np.full(len(means), np.inf)
    for camera in cameras:
        x, y, z = (means @ camera.camera_from_world[:, :3].T + camera.camera_from_world[:, 3]).T
        safe = np.where(z > NEAR_PLANE, z, 1.0)
        seen = z > NEAR_PLANE
        for along, focal, middle, size in (
            (x, camera.fx, camera.cx, camera.width),
            (y, camera.fy, camera.cy, camera.height),
        ):
            seen &= np.abs(focal * along / safe + middle - size / 2) < FRUSTUM_MARGIN * size / 2
        finest = np.where(seen, np.minimum(finest, safe / max(camera.fx, camera.fy)), finest)
    return finest


if __name__ == "__main__":
    main()
