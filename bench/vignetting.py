"""What it is worth to take dark corners out of photos: those of a scene, as by a lens that darkens, with and without.

    python bench/vignetting.py SCENE [--angle 65] [--iterations 1500] [--width 480] [--seeds 1] [--only NAME ...]
    python bench/vignetting.py SCENE --look      which lenses darken, and how sure that is, without any training

Each photo is darkened by the fourth power of the cosine, as by a lens of `--angle` degrees from corner to corner;
`both`: and made 0.55 to 1.45 times as bright, as in bench/exposures.py. Every 8th is held out. Scores of a splat:

    own        on photos held out as the training has them: as they were taken, or without what was taken out of them
    true       on the untouched photos held out
    fitted     on their right halves, with the exposure that is fitted on their left halves
    as taken   on the photos held out as they were taken, the splat's picture darkened by the lens that was found: by
               this a set can be judged whose truth is not known

The means of the seeds, and beside the first the least and the most. Words after `--` go to every training.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from exposures import in_random_light, schedule
from PIL import Image

from splatworker.formats.ply import read_ply
from splatworker.formats.scene import Photo, image_size, read_scene, split
from splatworker.render.arrays import Array
from splatworker.render.backend import renderer_for
from splatworker.render.interface import View
from splatworker.render.tensors import to_tensors
from splatworker.train import falloff_fit, vignetting
from splatworker.train.evaluate import score_views, summary
from splatworker.train.exposures import Comparable, of_right_half
from splatworker.train.falloff import Falloff, light_of, squared_radii, stored_of
from splatworker.train.folder import splat_path
from splatworker.train.light import Light
from splatworker.train.options import parse
from splatworker.train.photos import load_photo, load_views
from splatworker.train.vignetting import lenses_of

WAYS = {
    "untouched, as taken": ("untouched", "as_taken"),
    "untouched, auto": ("untouched", "auto"),
    "dark, as taken": ("dark", "as_taken"),
    "dark, auto": ("dark", "auto"),
    "both, as taken": ("both", "as_taken"),
    "both, auto": ("both", "auto"),
}
"""By name the photos, and what the training is told of their light."""

LOOKED_AT = 800
"""Pixels: the width at which `--look` looks at photos."""


class Scores(NamedTuple):
    """PSNR in dB, as above."""

    own: float
    true: float
    fitted: float
    as_taken: float


def main() -> None:
    """The program."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scene", type=Path)
    parser.add_argument("--work", type=Path, default=Path("output/vignetting"))
    parser.add_argument("--angle", type=float, default=65.0)
    parser.add_argument("--iterations", type=int, default=1500)
    parser.add_argument("--width", type=int, default=480)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--only", nargs="+", choices=WAYS, default=[*WAYS])
    parser.add_argument("--look", action="store_true")
    given, others = parser.parse_known_args()
    others = [word for word in others if word != "--"]
    if given.look:
        look(given.scene)
        return
    scenes = {"untouched": given.scene}
    wanted = {WAYS[name][0] for name in given.only}
    if wanted & {"dark", "both"}:
        scenes["dark"] = darkened(given.scene, given.work / "dark", given.angle)
    if "both" in wanted:
        in_random_light(scenes["dark"], given.work / "both", tinted=False)
        scenes["both"] = given.work / "both"
    print("| photos | own | true | fitted | as taken | found |")
    print(f"|{'---|' * 6}")
    for name in given.only:
        photos, light = WAYS[name]
        runs = [trained(given, scenes[photos], name, light, seed, others) for seed in range(given.seeds)]
        scores = [score(given, scenes[photos], model, result) for model, result in runs]
        mean = Scores(*np.mean(scores, axis=0))
        own = [one.own for one in scores]
        result = runs[0][1]
        found = {key: result[key] for key in ("vignetting", "light") if key in result}
        print(
            f"| {name} | {mean.own:.2f} ({min(own):.2f} to {max(own):.2f}) | {mean.true:.2f} | {mean.fitted:.2f} | "
            f"{mean.as_taken:.2f} | {found or ''} |",
            flush=True,
        )


def trained(
    given: argparse.Namespace, scene: Path, name: str, light: str, seed: int, others: list[str]
) -> tuple[Path, dict[str, object]]:
    """The model folder of a training, and what it told."""
    model = given.work / f"{name.replace(', ', '_').replace(' ', '_')}_{seed}"
    words = ["-s", str(scene), "-m", str(model), "--eval", "--json", "--light", light, "--seed", str(seed)]
    command = [sys.executable, "-m", "splatworker", "train", *words, *schedule(given), *others]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    result = next(line for line in map(json.loads, done.stdout.splitlines()) if "quality" in str(line))
    return model, result.get("result", result)


def darkened(scene: Path, made: Path, angle: float) -> Path:
    """Write a scene with its photos as if by a lens of so many degrees from corner to corner."""
    shutil.rmtree(made, ignore_errors=True)
    shutil.copytree(scene, made)
    for photo in read_scene(made).photos:
        with Image.open(photo.path) as opened:
            pixels = np.asarray(opened.convert("RGB"))
        rest = natural(radii_of(photo), angle)[:, :, None]
        Image.fromarray(in_bytes(stored_of(light_of(pixels / 255) * rest))).save(photo.path, quality=95)
    return made


def natural(squared: np.ndarray, angle: float) -> np.ndarray:
    """The fourth power of the cosine, by squared radii."""
    return np.asarray((1 + squared * np.tan(np.radians(angle) / 2) ** 2) ** -2.0)


def radii_of(photo: Photo) -> np.ndarray:
    """(H, W) of a photo's pixels the squared radii."""
    x, y = np.meshgrid(np.arange(photo.camera.width) + 0.5, np.arange(photo.camera.height) + 0.5)
    return squared_radii(photo.camera, np.stack([x, y], axis=-1))


def in_bytes(stored: np.ndarray) -> np.ndarray:
    """Values in [0, 1] as bytes."""
    return np.asarray(np.rint(255 * stored).clip(0, 255), np.uint8)


def score(given: argparse.Namespace, scene: Path, model: Path, result: dict[str, object]) -> Scores:
    """How good a splat is that was trained on the photos of a scene."""
    options, _ = parse(["-s", str(given.scene), "-m", str(model), "--eval", *schedule(given)])
    splat, renderer = read_ply(splat_path(model, given.iterations)), renderer_for("auto")
    tensors = to_tensors(splat, renderer.device)

    def psnr(photos: list[Photo], compared: Callable[[int, View, Array], Comparable] | None) -> float:
        views, names = load_views(photos, options, renderer.device), [photo.name for photo in photos]
        black = np.zeros(3, np.float32)
        return float(
            summary(score_views(renderer, tensors, names, views, black, splat.sh_degree, compared=compared))["psnr"]
        )

    _, true = split(read_scene(given.scene).photos, True)
    _, taken = split(read_scene(scene).photos, True)
    falls = falls_of(scene, given.width) if "vignetting" in result else {}

    def as_taken(index: int, view: View, image: Array) -> Comparable:
        return Comparable(view, through(image, view, falls.get(taken[index].name)))

    quality = result["quality"]
    assert isinstance(quality, dict)
    return Scores(quality["test"]["psnr"], psnr(true, None), psnr(true, of_right_half_of), psnr(taken, as_taken))


def of_right_half_of(index: int, view: View, image: Array) -> Comparable:
    """`score_views`'s `compared`."""
    return of_right_half(view, image)


def through(image: Array, view: View, falloff: Falloff | None) -> Array:
    """A picture, (3, H, W) on the host, as a lens shows it."""
    picture = np.clip(image, 0, 1)
    if falloff is None:
        return picture
    rest = falloff.at(radii_of(Photo("", Path(), view.camera)))
    return stored_of(light_of(picture) * rest).astype(np.float32)


def looked_at(scene: Path, width: int) -> tuple[list[Photo], Light]:
    """A scene's photos, looked at with this width."""
    read = read_scene(scene)
    light = Light(read.observed)
    for photo in read.photos:
        light.look(photo, load_photo(photo, image_size(photo.camera, min(width, photo.camera.width)), 0))
    return read.photos, light


def falls_of(scene: Path, width: int) -> dict[str, Falloff | None]:
    """By photo how its lens darkens, as a training finds it."""
    photos, light = looked_at(scene, width)
    found = light.correction("common", photos, learnt=True)
    return {} if found is None else dict(zip([photo.name for photo in photos], found.falloffs, strict=True))


def look(scene: Path) -> None:
    """Print what is found of each lens of a scene, beyond doubt or not, and so of lenses of 30 and 55 degrees more."""
    photos, light = looked_at(scene, LOOKED_AT)
    sightings, places = light.seen_in(photos)
    print("| lens | photos | darkened by | corner | errors | foretold | told | believed |")
    print(f"|{'---|' * 8}")
    for number, lens in enumerate(lenses_of(photos), 1):
        for angle in (0.0, 30.0, 55.0):
            own = [photos[index] for index in lens]
            where = [places[index] for index in lens]
            rests = [natural(squared_radii(one.camera, xy), angle) for one, xy in zip(own, where, strict=True)]
            shown = [
                sightings[index]._replace(colours=stored_of(light_of(sightings[index].colours) * rest[:, None]))
                for index, rest in zip(lens, rests, strict=True)
            ]
            lines = [vignetting.lines_of(one.camera, xy) for one, xy in zip(own, where, strict=True)]
            sample = vignetting.sample_of(shown, lines)
            if sample is None:
                print(f"| {number} | {len(lens)} | | too few points | | | | no |")
                break
            fit = falloff_fit.fitted(sample, len(lens))
            believed = falloff_fit.clear_fall(sample, len(lens)) is not None
            print(
                f"| {number} | {len(lens)} | {1 - natural(np.ones(1), angle)[0]:.1%} | {fit.falloff.corner:.1%} | "
                f"{fit.certainty:.1f} | {fit.foretold:.1%} | {fit.told:.2f} | {'yes' if believed else 'no'} |"
            )


if __name__ == "__main__":
    main()
