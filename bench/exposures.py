"""What learnt exposures are worth: a scene's photos in random light, trained as they are, in one light, and with those.

    python bench/exposures.py SCENE [--work DIR] [--iterations 1500] [--width 480] [--tinted] [--only NAME ...] [-- ...]

Each photo is made 0.55 to 1.45 times as bright, as in docs/quality.md; `--tinted`: each of its colours by itself, from
0.75 to 1.25 times that. Every 8th is held out. A splat is scored on the untouched photos that were held out, which have
the light of none: on their right half, with the exposure that is fitted on their left half. Words after `--` go to
every training.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from PIL import Image

from splatworker.formats.ply import read_ply
from splatworker.formats.scene import read_scene, split
from splatworker.render.backend import renderer_for
from splatworker.render.tensors import to_tensors
from splatworker.train.evaluate import score_views, summary
from splatworker.train.exposures import of_right_half
from splatworker.train.folder import splat_path
from splatworker.train.options import parse
from splatworker.train.photos import load_views

DARKEST, BRIGHTEST = 0.55, 1.45
TINT = 0.25

WAYS = {
    "untouched": ["untouched"],
    "as taken": ["random", "--light", "as_taken"],
    "light auto": ["random", "--light", "auto"],
    "train_test_exp": ["random", "--train_test_exp"],
    "untouched, train_test_exp": ["untouched", "--train_test_exp"],
}
"""By name the photos, and what the training is told."""


def main() -> None:
    """The program."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scene", type=Path)
    parser.add_argument("--work", type=Path, default=Path("output/exposures"))
    parser.add_argument("--iterations", type=int, default=1500)
    parser.add_argument("--width", type=int, default=480)
    parser.add_argument("--tinted", action="store_true")
    parser.add_argument("--only", nargs="+", choices=WAYS, default=[*WAYS])
    given, others = parser.parse_known_args()
    others = [word for word in others if word != "--"]
    gains = in_random_light(given.scene, given.work / "random", tinted=given.tinted)
    print("| way | PSNR | SSIM | training photos | exposures | from the true ones | seconds |")
    print(f"|{'---|' * 7}")
    for name in given.only:
        photos, *words = WAYS[name]
        scene = given.scene if photos == "untouched" else given.work / photos
        model = given.work / name.replace(" ", "_")
        begun = time.monotonic()
        command = ["train", "-s", str(scene), "-m", str(model), "--eval", "--json", *schedule(given), *words, *others]
        done = subprocess.run(
            [sys.executable, "-m", "splatworker", *command], check=True, stdout=subprocess.PIPE, text=True
        )
        seconds = time.monotonic() - begun
        result = next(line for line in map(json.loads, done.stdout.splitlines()) if "quality" in str(line))
        result = result.get("result", result)
        scores = score(given, model, [*command[:5], *schedule(given)])
        print(
            f"| {name} | {scores['psnr']:.2f} | {scores['ssim']:.3f} | {result['quality']['train']['psnr']:.2f} | "
            f"{result.get('exposure') or result.get('light') or ''} | {distance(model, gains)} | {seconds:.0f} |",
            flush=True,
        )


def in_random_light(scene: Path, made: Path, *, tinted: bool) -> dict[str, np.ndarray]:
    """Write a scene with its photos in random light; by what red, green and blue of each were multiplied."""
    shutil.rmtree(made, ignore_errors=True)
    shutil.copytree(scene, made)
    gains = {}
    for number, path in enumerate(sorted((made / "images").iterdir())):
        dice = random.Random(number)
        gain = np.full(3, dice.uniform(DARKEST, BRIGHTEST))
        if tinted:
            gain *= [dice.uniform(1 - TINT, 1 + TINT) for _ in range(3)]
        with Image.open(path) as photo:
            pixels = np.asarray(photo.convert("RGB"))
        Image.fromarray((pixels * gain).round().clip(0, 255).astype(np.uint8)).save(path, quality=95)
        gains[path.name] = gain
    return gains


def schedule(given: argparse.Namespace) -> list[str]:
    """A preview's."""
    count = given.iterations
    values = {
        "iterations": count, "resolution": given.width, "coarse_iterations": count // 2, "max_gaussians": 80_000,
        "densify_from_iter": count // 10, "densification_interval": 40, "densify_until_iter": 7 * count // 10,
        "feature_lr": 0.0075, "scaling_lr": 0.015, "rotation_lr": 0.003, "position_lr_init": 0.00096,
        "position_lr_final": 9.6e-6, "position_lr_max_steps": count, "dropout": 0.2,
    }  # fmt: skip
    return [word for name, value in values.items() for word in (f"--{name}", str(value))]


def score(given: argparse.Namespace, model: Path, words: list[str]) -> dict[str, float]:
    """PSNR and SSIM of a splat on the right halves of the untouched photos held out."""
    options, _ = parse(words[1:])
    _, held_out = split(read_scene(given.scene).photos, True)
    renderer = renderer_for("auto")
    splat = read_ply(splat_path(model, given.iterations))
    views = load_views(held_out, options, renderer.device)
    scores = score_views(
        renderer,
        to_tensors(splat, renderer.device),
        [photo.name for photo in held_out],
        views,
        np.zeros(3, np.float32),
        splat.sh_degree,
        compared=lambda index, view, image: of_right_half(view, image),
    )
    return summary(scores)


def distance(model: Path, gains: dict[str, np.ndarray]) -> str:
    """How far the exposures' gains are from the true ones over their mean, root mean square; "" without any."""
    told = model / "exposure.json"
    if not told.exists():
        return ""
    found = {name: np.array(matrix) for name, matrix in json.loads(told.read_text()).items()}
    true = np.stack([gains[name] for name in found])
    learnt = np.stack([matrix[:, :3].sum(axis=1) + 2 * matrix[:, 3] for matrix in found.values()])
    return f"{np.sqrt(np.mean((learnt - true / true.mean(axis=0)) ** 2)):.3f}"


if __name__ == "__main__":
    main()
