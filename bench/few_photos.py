"""Few photos: how a splat of 8, 12 or 24 shows what it was not trained on, and what each part of ours brings.

    python bench/few_photos.py SCENE [SCENE ...] --results FILE [--photos 8 12 24] [--ways ours no-dropout ... gsplat]
                               [--in-turn N] [--iterations 7000] [--params JSON] [--seeds 0 1 2]
                               [--pictures FOLDER] [--device cuda] [--jobs 1]
    python bench/few_photos.py --table --results FILE

SCENE is a COLMAP folder of undistorted photos, as `splatworker sfm` leaves it (examples/make_rooms.py renders photos of
rooms for it). So many photos are taken, evenly spread, of sets that have more; they keep the cameras that the whole set
has, and the points that two of them see. Scored are up to 24 of the others, by the file as it is delivered: trained,
cleaned, written, read (bench/novel_views.py says what the figures are). With `--in-turn 2` a pair of photos is held out
in place of that, and then another, until each photo was scored once by a training that did not see it. A "way" is ours,
ours with one part switched off, or gsplat 1.5.3's default or MCMC recipe, which want a GPU. Each training is a line of
JSON in FILE; what FILE has already is not done again. The table's figures are means over seeds and photos, with half
the range of the seeds' PSNR.
"""

from __future__ import annotations

import argparse
import itertools
import json
import multiprocessing
import os
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from statistics import mean
from typing import Any

from scene_parts import name_of, part_of_names, photo_names, spread
from trainings import add_one_length, gpus, parser_of, read

OURS: dict[str, dict[str, Any]] = {
    "ours": {},
    "no-teachers": {"teachers": 0},
    "teachers-4": {"teachers": 4},
    "no-passers-by": {"passers_by": "off"},
    "no-backdrop": {"backdrop": "off"},
    "no-dense": {"start_points": "sparse"},
    "dense": {"start_points": "dense"},
    "dropout-0.4": {"dropout": 0.4},
    "no-dropout": {"dropout": 0.0001},  # 0 is the original's default, and so says nothing
    "no-coarse": {"coarse_iterations": 1},
    "no-fall": {"final_rate": 0.9999},
    "degree-1": {"sh_degree": 1},
    "not-cleaned": {},
    "original": {"schedule": "original"},
}
"""Ways of ours: a job's params."""

PEERS = ("gsplat", "gsplat-mcmc")

MOST_SCORED = 24
"""Photos that are scored at most, evenly spread over those that were not trained on."""

SCORES = ("psnr", "cc_psnr", "right_psnr", "half_psnr", "ssim", "floaters")


def main() -> None:
    parser = parser_of(__doc__)
    add_one_length(parser)
    parser.add_argument("--photos", nargs="+", type=int, default=[8, 12, 24])
    parser.add_argument("--in-turn", type=int, metavar="N", help="hold out so many of a set in turn, in place of that")
    parser.add_argument("--ways", nargs="+", choices=[*OURS, *PEERS], default=[*OURS, *PEERS])
    parser.add_argument("--jobs", type=int, default=1, help="trainings at once on each GPU")
    given = parser.parse_args()
    if not given.table:
        work(given)
    print_table(read(given.results))


def work(given: argparse.Namespace) -> None:
    """Do every training that the results file does not have."""
    done = {key_of(line) for line in read(given.results)}
    devices = gpus() if given.device == "cuda" else [""]
    free: Any = multiprocessing.get_context("spawn").SimpleQueue()
    for device in devices * given.jobs:
        free.put(device)
    given.results.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch, given.results.open("a") as file:
        tasks = [task for task in wanted(given, Path(scratch)) if key_of(task) not in done]
        print(f"{len(tasks)} trainings to do, {len(done)} done", file=sys.stderr)
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(len(devices) * given.jobs, context, initializer=take_gpu, initargs=(free,)) as pool:
            for result in pool.map(train_and_score, tasks):
                file.write(json.dumps(result) + "\n")
                file.flush()
                print(in_words(result), file=sys.stderr, flush=True)


def wanted(given: argparse.Namespace, scratch: Path) -> Iterable[dict[str, Any]]:
    """Every training that is asked for; a whole seed first, so that a cut-off run leaves a whole table."""
    parts = [part for scene in given.scenes for part in parts_of(scene.absolute(), given, scratch)]
    for seed, part, way in itertools.product(given.seeds, parts, given.ways):
        yield part | {
            "way": way,
            "iterations": given.iterations,
            "params": given.params,
            "seed": seed,
            "device": given.device,
            "pictures": str(given.pictures.absolute()) if given.pictures and seed == given.seeds[0] else None,
        }


def key_of(line: dict[str, Any]) -> str:
    names = ("scene", "photos", "turn", "way", "iterations", "params", "seed", "device")
    return json.dumps([line.get(name) for name in names])


def parts_of(scene: Path, given: argparse.Namespace, scratch: Path) -> Iterable[dict[str, Any]]:
    """What is trained on of a scene: the folder of each part, how many photos it has, and in which turn."""
    names = photo_names(scene)
    wanted: list[tuple[list[str], int | None]]
    if given.in_turn:
        turns = max(1, len(names) // given.in_turn)
        wanted = [([name for name in names if name not in names[turn::turns]], turn) for turn in range(turns)]
    else:
        wanted = [(spread(names, count), None) for count in given.photos if count < len(names)]
    for trained_on, turn in wanted:
        target = scratch / f"{name_of(scene)}_{len(trained_on)}_{turn}"
        part_of_names(scene, trained_on, target)
        yield {
            "scene": name_of(scene),
            "path": str(scene),
            "part": str(target),
            "photos": len(trained_on),
            "turn": turn,
        }


def take_gpu(free: Any) -> None:
    """Let this process draw on one of the GPUs; before any library looks for one."""
    device = free.get()
    if device:
        os.environ["CUDA_VISIBLE_DEVICES"] = device


def train_and_score(task: dict[str, Any]) -> dict[str, Any]:
    """The task with its figures."""
    from delivered import cleaned
    from novel_views import measure
    from one_training import options_for

    from splatworker.formats.ply import read_ply
    from splatworker.formats.scene import read_scene
    from splatworker.render.backend import renderer_for

    way = task["way"]
    with tempfile.TemporaryDirectory() as folder:
        given = argparse.Namespace(
            scene=task["part"],
            iterations=task["iterations"],
            seed=str(task["seed"]),
            trainer="gsplat" if way in PEERS else "default",
            params=task["params"] | OURS.get(way, {}),
            score=Path(task["path"]),
        )
        options = options_for(given, Path(folder))
        renderer = renderer_for(task["device"], deterministic=options.deterministic)
        part = read_scene(Path(task["part"]))
        if way in PEERS:
            splat, seconds = train_peer(way, part, options, task["device"])
            told = {}
        else:
            from splatworker.stages.progress import Silent
            from splatworker.train.trainer import train

            told = train(options, renderer, Silent())
            splat, seconds = read_ply(Path(told["ply"])), told["seconds"]
            if way != "not-cleaned":
                splat = cleaned(splat, part.photos, part.points.xyz, renderer, options, told)
    whole = read_scene(Path(task["path"]))
    trained_on = {photo.name for photo in part.photos}
    others = [photo for photo in whole.photos if photo.name not in trained_on]
    pictures = task["pictures"] and Path(task["pictures"]) / Path(task["part"]).name / way
    views = measure(splat, spread(others, MOST_SCORED), whole.points.xyz, renderer, options, pictures)
    means = {name: mean([view[name] for view in views if view[name] is not None] or [0.0]) for name in SCORES}
    size = {"gaussians": len(splat), "seconds": round(seconds, 2), "left_out": told.get("passers_by")}
    return task | means | size | {"views": views}


def train_peer(way: str, part: Any, options: Any, device: str) -> tuple[Any, float]:
    """The splat of gsplat, and its seconds."""
    import time

    import gsplat_cuda
    import torch

    from splatworker.render.tensors import to_gaussians, to_tensors
    from splatworker.train.initial import gaussians_from_points, scene_extent
    from splatworker.train.photos import load_views
    from splatworker.train.schedule import learning_rates

    torch.manual_seed(options.seed)
    extent = scene_extent(part.photos)
    first = to_tensors(gaussians_from_points(part.points, options.sh_degree), torch.device(device))
    views = load_views(part.photos, options, torch.device(device))
    train = gsplat_cuda.train_mcmc if way == "gsplat-mcmc" else gsplat_cuda.train
    torch.cuda.synchronize()
    began = time.perf_counter()
    model = train(first, views, learning_rates(options, extent, 1), extent, options)
    torch.cuda.synchronize()
    return to_gaussians(model.gaussians()), time.perf_counter() - began


def in_words(line: dict[str, Any]) -> str:
    return (
        f"{line['scene']}, {line['photos']} photos, {line['way']}, seed {line['seed']}: {line['psnr']:.2f} dB "
        f"({line['cc_psnr']:.2f}; right halves {line['right_psnr']:.2f}, {line['half_psnr']:.2f}), {line['ssim']:.4f}, "
        f"floaters {line['floaters']:.4f}, {line['gaussians']} Gaussians"
    )


def print_table(lines: list[dict[str, Any]]) -> None:
    """A row a set and a column a way; below, the mean over the sets that all ways have."""
    cells: dict[tuple[str, int], dict[str, list[dict[str, Any]]]] = defaultdict(lambda: defaultdict(list))
    for line in lines:
        cells[line["scene"], line["photos"]][line["way"]].append(line)
    ways = [way for way in (*OURS, *PEERS) if any(way in row for row in cells.values())]
    print(f"| set | {' | '.join(ways)} |\n|---|{'---|' * len(ways)}")
    for (scene, photos), row in sorted(cells.items()):
        print(f"| {scene}, {photos} | {' | '.join(in_a_cell(row[way]) if way in row else '' for way in ways)} |")
    whole = [row for row in cells.values() if all(way in row for way in ways)]
    if whole:
        over_sets = {way: [mean(line[s] for row in whole for line in row[way]) for s in SCORES] for way in ways}
        print(f"| mean of {len(whole)} | {' | '.join(figures(over_sets[way]) for way in ways)} |")
    print(
        "\nPSNR ± half the seeds' range (colour-corrected) / SSIM, floaters; right halves, with exposures of the left"
    )


def in_a_cell(lines: list[dict[str, Any]]) -> str:
    of_seeds: dict[int, list[float]] = defaultdict(list)
    for line in lines:
        of_seeds[line["seed"]].append(line["psnr"])
    scores = [mean(of_parts) for of_parts in of_seeds.values()]
    return figures([mean(line[name] for line in lines) for name in SCORES], (max(scores) - min(scores)) / 2)


def figures(means: list[float], half_range: float | None = None) -> str:
    psnr, cc_psnr, right, half, ssim, floaters = means
    varied = "" if half_range is None else f" ±{half_range:.2f}"
    return f"{psnr:.2f}{varied} ({cc_psnr:.2f}) / {ssim:.3f}, {floaters:.2%}; {right:.2f}, {half:.2f}"


if __name__ == "__main__":
    main()
