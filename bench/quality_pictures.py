"""Make docs/pictures/quality.webp: what goes wrong with photos, shown by splats of the example scene.

    python bench/quality_pictures.py [--scene DIR] [--work DIR] [--iterations 1500] [--width 480]

DIR is the scene folder of the example photos (by default output/pictures/desk/scene, of scripts/make_pictures.py). The
same photos are trained on as they are, and with one thing wrong with them at a time; every splat is drawn at a photo
that none has seen. What each scored there is printed, for the table of docs/quality.md.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path

from PIL import Image, ImageDraw, ImageEnhance, ImageFilter

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "scripts"))

HELD_OUT_EVERY = 8
SHOWN = 1
"""Which of the photos held out is drawn."""

ONE_SIDE, FEW = 10, 8
SHAKE = 0.02
"""How far a shaken photo is smeared, of its width."""

Change = Callable[[Image.Image, random.Random], Image.Image]


def shaken(photo: Image.Image, dice: random.Random) -> Image.Image:
    """Smeared to the side: a hand that moved."""
    steps = round(SHAKE * photo.width)
    smeared = photo
    for number in range(1, steps):
        moved = photo.transform(photo.size, Image.Transform.AFFINE, (1, 0, number - steps / 2, 0, 1, 0))
        smeared = Image.blend(smeared, moved, 1 / (number + 1))
    return smeared


def unsteady_light(photo: Image.Image, dice: random.Random) -> Image.Image:
    """Brighter or darker than it was: exposure on automatic."""
    return ImageEnhance.Brightness(photo).enhance(dice.uniform(0.55, 1.45))


def passer_by(photo: Image.Image, dice: random.Random) -> Image.Image:
    """With somebody in it, elsewhere in every photo."""
    somebody, mask = photo.copy(), Image.new("L", photo.size)
    x, w, h = dice.uniform(0.1, 0.9) * photo.width, 0.09 * photo.width, photo.height
    for picture, colour in ((somebody, (40, 46, 70)), (mask, 255)):
        draw = ImageDraw.Draw(picture)
        draw.ellipse((x - 0.55 * w, 0.12 * h, x + 0.55 * w, 0.32 * h), fill=colour)
        draw.rounded_rectangle((x - w, 0.33 * h, x + w, 1.1 * h), radius=0.7 * w, fill=colour)
    return Image.composite(somebody, photo, mask.filter(ImageFilter.GaussianBlur(2)))


def evenly(names: list[str], count: int) -> list[str]:
    """So many, evenly apart."""
    return [names[(2 * number + 1) * len(names) // (2 * count)] for number in range(count)]


def main() -> None:
    """The program."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scene", type=Path, default=ROOT / "output" / "pictures" / "desk" / "scene")
    parser.add_argument("--work", type=Path, default=ROOT / "output" / "pictures" / "quality")
    parser.add_argument("--iterations", type=int, default=1500)
    parser.add_argument("--width", type=int, default=480)
    given = parser.parse_args()
    from make_pictures import PICTURES, grid, scaled, still  # type: ignore[import-not-found]

    given.scene = given.scene.absolute()
    names = sorted(path.name for path in (given.scene / "images").iterdir())
    seen = [name for index, name in enumerate(names) if index % HELD_OUT_EVERY]
    middle = names.index(names[SHOWN * HELD_OUT_EVERY])
    far = sorted(
        seen, key=lambda name: -min(abs(names.index(name) - middle), len(names) - abs(names.index(name) - middle))
    )
    sets: dict[str, tuple[list[str], Change | None]] = {
        "all": (seen, None),
        "few": (evenly(seen, FEW), None),
        "one_side": (far[:ONE_SIDE], None),
        "shaken": (seen, shaken),
        "light": (seen, unsteady_light),
        "passer_by": (seen, passer_by),
    }
    drawn = []
    for name, (photos, change) in sets.items():
        made = splat_of(given, name, photos, change)
        drawn.append(scaled(made, 400))
    (PICTURES / "quality.webp").write_bytes(still(grid([drawn[:3], drawn[3:]]), 75))


def splat_of(given: Namespace, name: str, photos: list[str], change: Change | None) -> Image.Image:
    """The splat of some photos, each changed, drawn at the one that is shown; trained if it is not there."""
    from delivered import cleaned
    from novel_views import measure
    from scene_parts import part_of_names

    from splatworker.formats.ply import read_ply
    from splatworker.formats.scene import read_scene
    from splatworker.render.backend import renderer_for
    from splatworker.train.folder import splat_path
    from splatworker.train.options import parse

    folder = given.work / name
    scene, model = folder / "scene", folder / "model"
    if not splat_path(model, given.iterations).exists():
        part_of_names(given.scene, photos, scene)
        if change:
            (scene / "images").unlink()
            (scene / "images").mkdir()
            for number, photo in enumerate(photos):
                picture = Image.open(given.scene / "images" / photo).convert("RGB")
                change(picture, random.Random(number)).save(scene / "images" / photo, quality=95)
        subprocess.run([sys.executable, "-m", "splatworker", *words(given, scene, model)], check=True)
    options, _ = parse(words(given, scene, model)[1:])
    renderer = renderer_for("auto")
    part, whole = read_scene(scene), read_scene(given.scene)
    splat = cleaned(read_ply(splat_path(model, given.iterations)), part.photos, part.points.xyz, renderer, options)
    held_out = [photo for index, photo in enumerate(whole.photos) if index % HELD_OUT_EVERY == 0]
    views = measure(splat, held_out, whole.points.xyz, renderer, options, folder / "views")
    psnr, ssim, floaters = (
        sum(view[score] or 0.0 for view in views) / len(views) for score in ("psnr", "ssim", "floaters")
    )
    print(f"| {name} | {len(photos)} | {psnr:.1f} | {ssim:.3f} | {floaters:.1%} |", flush=True)
    both = Image.open(folder / "views" / f"{Path(held_out[SHOWN].name).stem}.png")
    return both.crop((both.width // 2, 0, both.width, both.height))


def words(given: Namespace, scene: Path, model: Path) -> list[str]:
    """The command line of a training: a preview's schedule."""
    count = given.iterations
    schedule = {
        "iterations": count, "resolution": given.width, "coarse_iterations": count // 2, "max_gaussians": 80_000,
        "densify_from_iter": count // 10, "densification_interval": 40, "densify_until_iter": 7 * count // 10,
        "feature_lr": 0.0075, "scaling_lr": 0.015, "rotation_lr": 0.003, "position_lr_init": 0.00096,
        "position_lr_final": 9.6e-6, "position_lr_max_steps": count, "dropout": 0.2,
    }  # fmt: skip
    options = [word for name, value in schedule.items() for word in (f"--{name}", str(value))]
    return ["train", "-s", str(scene), "-m", str(model), *options]


if __name__ == "__main__":
    main()
