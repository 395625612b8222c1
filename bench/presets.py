"""The four presets of a product in front of the worker, on prepared scenes, and whether more iterations are ever worse.

    python bench/presets.py SCENE [SCENE ...] --results FILE [--trainings preview standard high ultra own gsplat]
                            [--photos all 8 12 24] [--seeds 0 1 2] [--jobs 1] [--gpus N] [--label NAME] [--device cuda]
    python bench/presets.py --table --results FILE [--label NAME]

SCENE is a COLMAP folder of undistorted photos (images/ and sparse/0), as `splatworker sfm` leaves it. A training is a
preset with its `params` word for word (bench/presets.json), as the worker resolves them; `own:N` is a job that says
`iterations` N and nothing else, `gsplat:N` gsplat 1.5.3 with as many (bench/gsplat_cuda.py); `own` and `gsplat` stand
for the iterations of all four presets. `standard:NAME=VALUE,...` is a preset with such params beside its own. `--photos
all` trains on seven of eight photos and scores on the eighth; a number trains on so many, evenly spread over those
seven of eight of sets that have more, with the cameras of the full set and the points that two of them see, and scores
on the same held-out photos.

Each training is a process (bench/one_training.py) and a line of JSON in FILE; what FILE has already under this label is
not done again. `--jobs` trainings share each GPU: seconds are then comparable with nothing. `--table` prints FILE as
Markdown, and lists where a preset is worse than the one before it.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import mean
from typing import Any

from scene_parts import name_of, part_of_names, photo_names, spread
from trainings import gpus, parser_of, read

PRESETS: dict[str, dict[str, Any]] = json.loads(Path(__file__).with_name("presets.json").read_text())

MAY_FALL = {"psnr": 0.1, "ssim": 0.003}
"""What a preset may score less than the one before it."""

HOLD_OUT_EVERY = 8


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--trainings", nargs="+", default=list(PRESETS))
    parser.add_argument("--photos", nargs="+", default=["all"], help="all, or so many to train on")
    parser.add_argument("--jobs", type=int, default=1, help="trainings at once on each GPU")
    parser.add_argument("--gpus", type=int, help="so many of those there are; by default all")
    parser.add_argument("--label", default="", help="of the code that is measured: a commit, say")
    given = parser.parse_args()
    names = [name_of(scene) for scene in given.scenes]
    if len(set(names)) < len(names):
        parser.error(f"two scenes have the same name: {', '.join(names)}")
    if not given.table:
        train_all(given)
    print_table([line for line in read(given.results) if not given.label or line["label"] == given.label])


def train_all(given: argparse.Namespace) -> None:
    """Do every training that the results file does not have yet."""
    done = {key_of(line) for line in read(given.results)}
    tasks = [task for task in wanted(given) if key_of(task) not in done]
    slots: queue.SimpleQueue[str | None] = queue.SimpleQueue()
    devices = gpus(given.gpus) if given.device == "cuda" else [None]
    for device in [device for _ in range(given.jobs) for device in devices]:
        slots.put(device)
    print(f"{len(tasks)} trainings to do, {len(done)} done, on {len(devices)} x {given.jobs}", file=sys.stderr)
    lock = threading.Lock()
    given.results.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch, given.results.open("a") as file:
        for scene, photos in sorted({(task["path"], task["photos"]) for task in tasks}):
            prepare(Path(scene), photos, Path(scratch))

        def work(task: dict[str, Any]) -> None:
            slot = slots.get()
            try:
                result = train(task, Path(scratch), slot)
            finally:
                slots.put(slot)
            if result is not None:
                with lock:
                    file.write(json.dumps(result) + "\n")
                    file.flush()

        with ThreadPoolExecutor(len(devices) * given.jobs) as pool:
            list(pool.map(work, tasks))


def wanted(given: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Every training that is asked for; a whole seed first, so that a cut-off run leaves a whole table."""
    names = [*itertools.chain.from_iterable(spelt_out(name) for name in given.trainings)]
    parts = [
        (scene, photos)
        for scene, photos in itertools.product(given.scenes, given.photos)
        if photos == "all" or int(photos) < len(not_held_out(scene))
    ]
    for seed, (scene, photos), name in itertools.product(given.seeds, parts, names):
        yield {
            "label": given.label,
            "scene": name_of(scene),
            "path": str(scene.absolute()),
            "photos": photos,
            "training": name,
            "seed": seed,
            "device": given.device,
            "at_once": given.jobs,
        }


def spelt_out(name: str) -> list[str]:
    """`own` and `gsplat` with the iterations of all presets."""
    if name in ("own", "gsplat"):
        return [f"{name}:{preset['iterations']}" for preset in PRESETS.values()]
    return [name]


def key_of(task: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(task[name] for name in ("label", "scene", "photos", "training", "seed", "device"))


def train(task: dict[str, Any], scratch: Path, slot: str | None) -> dict[str, Any] | None:
    """One training's line for the results, or None where it failed: the next run tries again."""
    params = params_of(task["training"])
    trainer = "gsplat" if task["training"].startswith("gsplat:") else "default"
    part = [] if task["photos"] == "all" else ["--score", task["path"]]
    scene = folder_of(Path(task["path"]), task["photos"], scratch)
    command = [
        *(sys.executable, str(Path(__file__).with_name("one_training.py"))),
        *(trainer, str(scene), str(params["iterations"]), str(task["seed"]), task["device"]),
        *("--params", json.dumps(params), "--cleaned", *part),
    ]
    chosen = {} if slot is None else {"CUDA_VISIBLE_DEVICES": slot}
    began = time.time()
    environment = os.environ | chosen | {"BENCH_STARTED": str(began)}
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    lines = [line for line in ended.stdout.splitlines() if line.startswith("{")]
    name = f"{task['scene']} ({task['photos']}), {task['training']}, seed {task['seed']}"
    if ended.returncode or not lines:
        print(f"{name} failed:\n{ended.stderr[-2000:]}", file=sys.stderr, flush=True)
        return None
    told = json.loads(lines[-1])
    kept = ("psnr", "ssim", "gaussians", "seconds", "iterations", "peak_mib", "photos")
    result = task | {name: told[name] for name in kept if name != "photos"}
    result |= {"asked": params["iterations"], "wall": round(time.time() - began, 2), "scores": told["photos"]}
    print(f"{name}: {told['psnr']:.2f} dB, {told['ssim']:.4f}, {told['seconds']:.1f} s", file=sys.stderr, flush=True)
    return result


def params_of(training: str) -> dict[str, Any]:
    """What a job of that name would say."""
    kind, _, more = training.partition(":")
    if kind not in PRESETS:
        return {"iterations": int(more)}
    pairs = (pair.partition("=") for pair in more.split(",") if pair)
    return PRESETS[kind] | {name: json.loads(value) for name, _, value in pairs}


def folder_of(scene: Path, photos: str, scratch: Path) -> Path:
    """The scene folder to train on."""
    return scene if photos == "all" else scratch / f"{name_of(scene)}_{photos}"


def prepare(scene: Path, photos: str, scratch: Path) -> None:
    """Make the scene folder of a part of the photos, which are linked."""
    target = folder_of(scene, photos, scratch)
    if target != scene:
        part_of_names(scene, spread(not_held_out(scene), int(photos)), target)


def not_held_out(scene: Path) -> list[str]:
    """The names of the photos that may be trained on."""
    return [name for index, name in enumerate(photo_names(scene)) if index % HOLD_OUT_EVERY]


def print_table(lines: list[dict[str, Any]]) -> None:
    """A table of means over seeds, a row a set and a column a training, and then what falls."""
    cells: dict[tuple[str, str, str], dict[str, list[dict[str, Any]]]] = defaultdict(lambda: defaultdict(list))
    for line in lines:
        cells[line["label"], line["scene"], line["photos"]][line["training"]].append(line)
    names = [*PRESETS, *sorted({line["training"] for line in lines} - set(PRESETS), key=by_iterations)]
    names = [name for name in names if any(name in row for row in cells.values())]
    print(f"| set | {' | '.join(names)} |\n|---|{'---|' * len(names)}")
    for (label, scene, photos), row in sorted(cells.items()):
        shown = [in_a_cell(row[name]) if name in row else "" for name in names]
        which = scene if photos == "all" else f"{scene}, {photos} photos"
        print(f"| {which}{f' ({label})' if label else ''} | {' | '.join(shown)} |")
    print()
    for (label, scene, photos), row in sorted(cells.items()):
        there = [name for name in PRESETS if name in row]
        for less, more in itertools.pairwise(there):
            for score, most in MAY_FALL.items():
                fall = average(row[less], score) - average(row[more], score)
                if fall > most:
                    print(f"FALLS: {label} {scene} ({photos}): {more} has {fall:.3f} {score} less than {less}")
        if {"standard", "ultra"} <= row.keys():
            gain = average(row["ultra"], "psnr") - average(row["standard"], "psnr")
            print(f"{label} {scene} ({photos}): ultra {gain:+.2f} dB beside standard")


def by_iterations(name: str) -> tuple[str, int]:
    return name.partition(":")[0], params_of(name)["iterations"]


def average(lines: list[dict[str, Any]], name: str) -> float:
    return float(mean(line[name] for line in lines))


def in_a_cell(lines: list[dict[str, Any]]) -> str:
    """PSNR / SSIM, seconds, Gaussians; the spread of PSNR over seeds, and iterations where fewer than asked for."""
    scores = [line["psnr"] for line in lines]
    spread_of = f" ±{(max(scores) - min(scores)) / 2:.2f}" if len(scores) > 1 else ""
    trained = average(lines, "iterations")
    stopped = f", {trained:.0f} it" if trained != average(lines, "asked") else ""
    shared = "~" if any(line["at_once"] > 1 for line in lines) else ""
    return (
        f"{mean(scores):.2f}{spread_of} / {average(lines, 'ssim'):.4f}, {shared}{average(lines, 'seconds'):.1f} s, "
        f"{average(lines, 'gaussians') / 1000:.0f} k{stopped}"
    )


if __name__ == "__main__":
    main()
