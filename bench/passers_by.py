"""Passers-by: what they cost a splat, and what is left of that when they are found and left out.

    python bench/passers_by.py SCENE [SCENE ...] --results FILE [--cases clean small-30 ...] [--modes off auto on]
                               [--seeds 0 1 2] [--iterations 7000] [--params JSON] [--device cuda] [--pictures FOLDER]
    python bench/passers_by.py --table --results FILE

SCENE is a COLMAP folder of undistorted photos, as `splatworker sfm` leaves it. Every 8th photo is held out and stays
as it is; into the others a case paints (bench/passing_figures.py): `small` or `large` figures and balls, in 10, 30 or
60 of a hundred photos; a `thumb` at the same place of every photo; `gloss`, which goes into the held-out ones, too:
mirror balls that stand in the scene, and on which no start points lie. `clean` paints nothing: there, and with `gloss`,
nobody is to be found.

Scored is the file as it is delivered: trained, cleaned, written, read (bench/novel_views.py says what the figures are).
`found` is how many of the painted pixels were left out, `wrong` how many others, in shares of the painted ones and of
all. Each training is a line of JSON in FILE; what FILE has already is not done again.
"""

from __future__ import annotations

import argparse
import itertools
import json
import sys
import tempfile
import time
import zlib
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np
from passing_figures import LARGE, SMALL, chosen, passed, save, with_mirror_balls, with_thumb
from PIL import Image
from scene_parts import name_of
from trainings import add_one_length, parser_of, read

HELD_OUT_EVERY = 8

CASES = ("clean", "small-10", "small-30", "large-10", "large-30", "large-60", "thumb", "gloss")

MODES = ("off", "auto", "on")

SMALL_ONES = 2
"""Figures in a photo of the case `small`."""

BALL_RADIUS = 0.06
"""Of the mean distance from the cameras to the middle of the points."""


def main() -> None:
    parser = parser_of(__doc__)
    add_one_length(parser)
    parser.add_argument("--cases", nargs="+", choices=CASES, default=list(CASES))
    parser.add_argument("--modes", nargs="+", choices=MODES, default=list(MODES))
    given = parser.parse_args()
    if not given.table:
        work(given)
    print_table(read(given.results))


def work(given: argparse.Namespace) -> None:
    """Do every training that the results file does not have; a whole seed first."""
    done = {key_of(line) for line in read(given.results)}
    given.results.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch, given.results.open("a") as file:
        for seed, scene, case, mode in itertools.product(given.seeds, given.scenes, given.cases, given.modes):
            task = {
                "scene": name_of(scene),
                "case": case,
                "mode": mode,
                "iterations": given.iterations,
                "params": given.params,
                "seed": seed,
                "device": given.device,
            }
            if key_of(task) in done:
                continue
            painted = Path(scratch) / f"{name_of(scene)}_{case}_{seed}"
            if not painted.exists():
                paint(scene.absolute(), painted, case, seed)
            pictures = given.pictures / f"{name_of(scene)}_{case}_{mode}_{seed}" if given.pictures else None
            line = task | train_and_score(painted, scene.absolute(), task, pictures)
            file.write(json.dumps(line) + "\n")
            file.flush()
            print(in_words(line), file=sys.stderr, flush=True)


def key_of(line: dict[str, Any]) -> str:
    return json.dumps([line[name] for name in ("scene", "case", "mode", "iterations", "params", "seed", "device")])


def paint(scene: Path, target: Path, case: str, seed: int) -> None:
    """Make a scene folder with the photos of a case, and in `truth/` where they were painted on."""
    from splatworker.formats.scene import read_scene

    target.mkdir(parents=True)
    (target / "sparse").symlink_to(scene / "sparse")
    if case == "clean":
        (target / "images").symlink_to(scene / "images")
        return
    read = read_scene(scene)
    kind, _, percent = case.partition("-")
    trained = [index for index in range(len(read.photos)) if index % HELD_OUT_EVERY]
    dice = np.random.default_rng([seed, zlib.crc32(case.encode())])
    share = int(percent or 100) / 100
    hit = {trained[place] for place in chosen(len(trained), share, dice)}
    centers = np.array([photo.camera.center for photo in read.photos])
    up = -np.mean([photo.camera.camera_from_world[1, :3] for photo in read.photos], axis=0)
    middle = np.median(read.points.xyz, axis=0)
    radius = BALL_RADIUS * float(np.linalg.norm(centers - middle, axis=1).mean())
    side = np.cross(up, centers[0] - middle)
    side /= np.linalg.norm(side)
    balls = np.array([middle + radius * (3 * up + step * side) for step in (-4, 0, 4)])
    with ThreadPoolExecutor() as pool:
        tasks = []
        for index, photo in enumerate(read.photos):
            where = target / "images" / photo.name, target / "truth" / f"{Path(photo.name).stem}.png"
            does = kind if index in hit or kind == "gloss" else "nothing"
            tasks.append(pool.submit(change, photo, where, does, [seed, index], (balls, radius, up)))
        for task in tasks:
            task.result()


def change(photo: Any, where: tuple[Path, Path], kind: str, seed: list[int], balls: Any) -> None:
    """Write what becomes of one photo."""
    picture, mask, dice = Image.open(photo.path).convert("RGB"), None, np.random.default_rng(seed)
    if kind == "thumb":
        picture, mask = with_thumb(picture, dice)
    elif kind == "gloss":
        picture = with_mirror_balls(picture, photo.camera, *balls)
    elif kind != "nothing":
        small = kind == "small"
        picture, mask = passed(picture, SMALL if small else LARGE, SMALL_ONES if small else 1, dice)
    save(picture, where[0])
    if mask is not None:
        save(mask, where[1])


def train_and_score(painted: Path, scene: Path, task: dict[str, Any], pictures: Path | None) -> dict[str, Any]:
    """The figures of one training."""
    from delivered import cleaned
    from novel_views import measure
    from one_training import options_for

    from splatworker.formats.ply import read_ply
    from splatworker.formats.scene import read_scene, split
    from splatworker.render.backend import renderer_for
    from splatworker.stages.progress import Silent
    from splatworker.train import preparation, trainer
    from splatworker.train.passers_by import PassersBy

    kept: list[Any] = []

    class Kept(PassersBy):
        """Tells the bench what it has found."""

        def __init__(self, *args: Any, **named: Any) -> None:
            super().__init__(*args, **named)
            kept.append(self)

    with tempfile.TemporaryDirectory() as folder:
        asked = argparse.Namespace(
            trainer="default",
            scene=str(painted),
            iterations=task["iterations"],
            seed=str(task["seed"]),
            params=task["params"] | {"passers_by": task["mode"], "preview": task["device"] == "cpu"},
            score=None,
        )
        options = options_for(asked, Path(folder))
        renderer = renderer_for(task["device"], deterministic=options.deterministic)
        setattr(preparation, "PassersBy", Kept)  # noqa: B010 - as a name of its own the module does not offer it
        began = time.perf_counter()
        try:
            told = trainer.train(options, renderer, Silent())
        finally:
            setattr(preparation, "PassersBy", PassersBy)  # noqa: B010
        seconds = time.perf_counter() - began
        part = read_scene(painted)
        trained, held_out = split(part.photos, True)
        splat = cleaned(read_ply(Path(told["ply"])), trained, part.points.xyz, renderer, options, told)
        views = measure(splat, held_out, read_scene(scene).points.xyz, renderer, options, pictures)
    return {
        **{score: mean(view[score] or 0.0 for view in views) for score in ("psnr", "ssim", "floaters")},
        **hits(kept[0], [photo.name for photo in trained], painted / "truth"),
        "gaussians": len(splat),
        "trained_seconds": told["seconds"],
        "seconds": round(seconds, 2),
        "told": told.get("passers_by"),
    }


def hits(passers_by: Any, names: list[str], truth: Path) -> dict[str, Any]:
    """How much of what was painted was found, and how much else."""
    found = wrong = painted = pixels = 0
    sizes = [view.camera for view in passers_by.views.as_kept]
    masks = dict(passers_by.full_masks())
    for index, (name, camera) in enumerate(zip(names, sizes, strict=True)):
        shape = camera.height, camera.width
        file = truth / f"{Path(name).stem}.png"
        there = np.zeros(shape, bool)
        if file.exists():
            there = np.asarray(Image.open(file).resize(shape[::-1], Image.Resampling.BOX)) > 127
        mask = masks.get(index, np.zeros(shape, bool))
        found, wrong = found + int((mask & there).sum()), wrong + int((mask & ~there).sum())
        painted, pixels = painted + int(there.sum()), pixels + there.size
    return {
        "painted": round(painted / pixels, 5),
        "found": round(found / painted, 4) if painted else None,
        "wrong": round(wrong / pixels, 5),
    }


def in_words(line: dict[str, Any]) -> str:
    found = "-" if line["found"] is None else f"{line['found']:.0%}"
    what = f"{line['scene']} {line['case']} {line['mode']} seed {line['seed']}"
    return (
        f"{what}: {line['psnr']:.2f} dB, {line['ssim']:.4f}, "
        f"floaters {line['floaters']:.2%}, found {found}, wrong {line['wrong']:.2%}, {line['trained_seconds']} s"
    )


def print_table(lines: list[dict[str, Any]]) -> None:
    """The means over seeds as Markdown, and how far the seeds' PSNR are apart."""
    together = defaultdict(list)
    for line in lines:
        together[(line["scene"], line["case"], line["iterations"], line["mode"])].append(line)
    print("| scene | case | iterations | passers_by | PSNR | SSIM | floaters | found | wrong | seconds |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    for (scene, case, iterations, mode), same in together.items():
        psnr = [line["psnr"] for line in same]
        found = [line["found"] for line in same if line["found"] is not None]
        print(
            f"| {scene} | {case} | {iterations} | {mode} | {mean(psnr):.2f} ±{(max(psnr) - min(psnr)) / 2:.2f} "
            f"| {mean(line['ssim'] for line in same):.4f} | {mean(line['floaters'] for line in same):.2%} "
            f"| {f'{mean(found):.0%}' if found else '-'} | {mean(line['wrong'] for line in same):.2%} "
            f"| {mean(line['trained_seconds'] for line in same):.1f} |"
        )


if __name__ == "__main__":
    main()
