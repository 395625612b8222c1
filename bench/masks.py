"""A cutout whose truth is known: how much of its opacity is outside of the object, and how well it shows it.

    python bench/masks.py SPLAT SCENE [--radius 0.35] [--iterations 1000] [--resolution 4] [--device auto] [--seeds 0]

SPLAT is any splat of SCENE (a folder of `run` is both). Its Gaussians in a sphere about what all cameras look at are
the object, of `--radius` times the cameras' median distance from there. Every photo of the scene is drawn anew from the
splat, and so is its mask: where the object has half of the colour. Then two trainings: with these masks cut out; and
with them as the photos' alpha on a fixed background, Gaussians left wherever they are, as the original trainer has it.

`outside` is the share of the trained splat's opacity, over all views, on pixels where nothing of the object is,
whatever stands before it. `psnr` is of the held-out pictures, on black.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from itertools import product
from pathlib import Path
from unittest import mock

import numpy as np
import torch
from PIL import Image

from splatworker.export.camera_path import focus
from splatworker.formats.camera import Camera
from splatworker.formats.find import find_splat
from splatworker.formats.ply import read_ply
from splatworker.formats.scene import Scene, image_size, read_scene
from splatworker.render.backend import renderer_for
from splatworker.render.interface import SH_C0, GaussianTensors, Renderer
from splatworker.render.tensors import to_tensors
from splatworker.splat_files.registry import read_any
from splatworker.stages.progress import Silent
from splatworker.train import trainer
from splatworker.train.options import Options
from splatworker.train.randomness import Randomness
from splatworker.train.silhouettes import Silhouettes

SHOWN = 0.5
"""A pixel belongs to the object's mask when so much of its colour is the object's."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("splat", type=Path)
    parser.add_argument("scene", type=Path)
    parser.add_argument("--radius", type=float, default=0.35)
    parser.add_argument("--iterations", type=int, default=1000)
    parser.add_argument("--resolution", type=int, default=4)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    options = parser.parse_args()
    renderer, scene = renderer_for(options.device, tensors=True), read_scene(options.scene)
    gaussians = read_any(find_splat(options.splat))
    whole, degree = to_tensors(gaussians, renderer.device), gaussians.sh_degree
    is_object = object_of(whole, scene, options.radius)
    cameras = [photo.camera.resized(*image_size(photo.camera, options.resolution)) for photo in scene.photos]
    shares = [share_of(whole, is_object, camera, renderer) for camera in cameras]
    thing = GaussianTensors(*(tensor[is_object] for tensor in whole))
    own = [opacity_of(thing, degree, camera, renderer) for camera in cameras]
    say(f"{int(is_object.sum())} of {len(is_object)} Gaussians are the object, on "
        f"{np.mean([float((share >= SHOWN).float().mean()) for share in shares]):.1%} of the pixels")  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        for name, seed in product(WAYS, options.seeds):
            place = Path(folder) / f"{name} {seed}"
            write(place, scene, cameras, shares, whole, degree, renderer, as_files="fixed" not in name)
            asked = replace(training(place, options.iterations, cutout="fixed" not in name), seed=seed)
            with WAYS[name]():
                result = trainer.train(asked, renderer, Silent())
            made = read_ply(Path(result["ply"]))
            tensors = to_tensors(made, renderer.device)
            outside = opacity_outside(tensors, made.sh_degree, cameras, own, renderer)
            say(f"{name}, seed {seed}: outside {outside:.2%}, psnr {result['quality']['test']['psnr']:.2f} dB, "
                f"{len(made)} Gaussians, {result['seconds']:.0f} s")  # fmt: skip


def black_or_white(self: Randomness) -> torch.Tensor:
    """(3,) a random colour whose channels are 0 or 1; whatever comes next is as random as after another."""
    colour: torch.Tensor = colour_of(self).round()
    return colour


colour_of = Randomness.background

WAYS: dict[str, Callable[[], AbstractContextManager[object]]] = {
    "cut out": nullcontext,
    "cut out, black or white": lambda: mock.patch.object(Randomness, "background", black_or_white),
    "alpha on a fixed background": lambda: mock.patch.object(Silhouettes, "of", return_value=None),
}


def object_of(gaussians: GaussianTensors, scene: Scene, radius: float) -> torch.Tensor:
    """(N,) which Gaussians are the object."""
    cameras = [photo.camera for photo in scene.photos]
    middle = focus(cameras, scene.points.xyz)
    distance = float(np.median([np.linalg.norm(camera.center - middle) for camera in cameras]))
    apart = gaussians.means - torch.from_numpy(middle).to(gaussians.means)
    near: torch.Tensor = torch.linalg.vector_norm(apart, dim=1) < radius * distance
    return near


def share_of(gaussians: GaussianTensors, chosen: torch.Tensor, camera: Camera, renderer: Renderer) -> torch.Tensor:
    """(H, W) how much of a pixel's colour is that of some Gaussians: they are drawn white, all others black."""
    white = torch.where(chosen, 0.5, -0.5)[:, None].expand(-1, 3).contiguous() / SH_C0
    painted = gaussians._replace(sh_dc=white, sh_rest=torch.zeros_like(gaussians.sh_rest[:, :0]))
    share: torch.Tensor = renderer.render(painted, camera, torch.zeros(3, device=renderer.device), 0)[0]
    return share.clamp(0, 1).cpu()


def write(
    folder: Path, scene: Scene, cameras: list[Camera], shares: list[torch.Tensor], whole: GaussianTensors, degree: int,
    renderer: Renderer, *, as_files: bool,
) -> None:  # fmt: skip
    """A scene of the pictures, with the masks as files or as alpha; the points are the scene's."""
    shutil.copytree(scene.path / "sparse", folder / "sparse")
    for photo, camera, share in zip(scene.photos, cameras, shares, strict=True):
        image = renderer.render(whole, camera, torch.zeros(3, device=renderer.device), degree).clamp(0, 1)
        pixels = (image * 255).round().to(torch.uint8).permute(1, 2, 0).cpu().numpy()
        mask = np.where(share.numpy() >= SHOWN, np.uint8(255), np.uint8(0))
        for place in (folder / "images" / photo.name, folder / "masks" / f"{photo.name}.png"):
            place.parent.mkdir(parents=True, exist_ok=True)
        if as_files:
            Image.fromarray(pixels).save(folder / "images" / photo.name, "PNG")
            Image.fromarray(mask).save(folder / "masks" / f"{photo.name}.png")
        else:
            Image.fromarray(np.dstack([pixels, mask])).save(folder / "images" / photo.name, "PNG")


def training(folder: Path, iterations: int, *, cutout: bool) -> Options:
    """A short training by our own schedule's density control."""
    return Options(
        source_path=folder, model_path=folder / "model", iterations=iterations, position_lr_max_steps=iterations,
        densify_from_iter=iterations // 10, densify_until_iter=iterations // 2, eval=True, density="revised",
        sh_degree=1, sh_degree_interval=iterations // 2, mask_mode="cutout" if cutout else "auto",
    )  # fmt: skip


def opacity_of(splat: GaussianTensors, degree: int, camera: Camera, renderer: Renderer) -> torch.Tensor:
    """(H, W) how opaque a picture of a splat is."""
    white, black = (
        renderer.render(splat, camera, torch.full((3,), colour, device=renderer.device), degree).mean(dim=0)
        for colour in (1.0, 0.0)
    )
    opacity: torch.Tensor = 1 - (white - black)
    return opacity.cpu()


def opacity_outside(
    splat: GaussianTensors, degree: int, cameras: list[Camera], own: list[torch.Tensor], renderer: Renderer
) -> float:
    """The share of the opacity where nothing of the object is."""
    everything = outside = 0.0
    for camera, true in zip(cameras, own, strict=True):
        opacity = opacity_of(splat, degree, camera, renderer)
        everything += float(opacity.sum())
        outside += float(opacity[true < 1 / 255].sum())
    return outside / everything


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
