"""Cameras: how long each step takes, how many photos are placed, and how far that moves from COLMAP's defaults.

    python bench/sfm.py SCENES [name ...]            one row a photo set: this package beside COLMAP's defaults
    python bench/sfm.py SCENES [name ...] --mapper   mappers alone, on the same matches: ours in rounds, COLMAP's by our
                                                     settings, a draft, its defaults, and these with another seed;
                                                     processor seconds
    python bench/sfm.py SCENES [name ...] --pairs    how many of the pairs that exhaustive matching verifies are
                                                     among those chosen by likeness
    python bench/sfm.py SCENES [name ...] --adjust   our bundle adjustment beside COLMAP's (Ceres) on the same model,
                                                     threads and tolerance: processor seconds, cost, difference
    ... --mapper --longest 1600                      with features of photos of this size, as a GPU finds them
    ... --train 1000                                 and held-out PSNR after the same short training on both

SCENES is a folder with a folder of photos a set. Every row runs in a process of its own.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from splatworker.sfm.workbench import Workbench

NAMES = ("fox", "sceaux", "banana", "brighton", "conch", "lund", "sacre_coeur")


def main() -> int:
    arguments = parse()
    if arguments.row:
        ROWS[arguments.row](arguments.scenes, Path(arguments.names[0]), arguments)
        return 0
    kind = next((kind for kind in ("mapper", "adjust", "pairs") if getattr(arguments, kind)), "stages")
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors")
    print(HEADERS[kind])
    print("|" + "---|" * HEADERS[kind].count(" | ") + "---|")
    for name in arguments.names or NAMES:
        with tempfile.TemporaryDirectory() as work:
            row = [sys.executable, __file__, str(arguments.scenes / name), work, "--row", kind]
            row += ["--longest", str(arguments.longest)]
            if arguments.train:
                row += ["--train", str(arguments.train)]
            done = subprocess.run(row, check=False, stderr=None if arguments.verbose else subprocess.DEVNULL)
            if done.returncode:
                print(f"| {name} | failed: --verbose tells why |", flush=True)
    return 0


HEADERS = {
    "stages": (
        "| photos | placed | features s | pairs s | matching s | mapping s | polish s | undistort s | total s | "
        "error px | rung | COLMAP's defaults: placed, s | difference: deg, % | "
        "PSNR ours, theirs |"
    ),
    "mapper": (
        "| photos | in rounds s | our settings s | a draft s | defaults s | points of these | "
        "in rounds from our settings: rotation max deg, position max % | our settings from defaults | "
        "a draft from defaults | defaults from defaults with another seed |"
    ),
    "adjust": (
        "| photos | observations | COLMAP s | ours s | of it reading and writing the model | ratio | "
        "steps: COLMAP, ours | cost: start, COLMAP's, ours less it | apart: rotation max deg, position max % |"
    ),
    "pairs": "| photos | pairs | chosen | s | recall of verified | of those with 30+ | 60+ | 100+ |",
}


def stages_row(images: Path, work: Path, arguments: argparse.Namespace) -> None:
    """The stage as a user runs it, beside COLMAP's defaults."""
    ours, theirs = work / "ours", work / "theirs"
    start = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "splatworker", "sfm", str(images), "-o", str(ours), "--json"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    total = time.monotonic() - start
    last = json.loads(done.stdout.splitlines()[-1])
    if last["event"] == "error":
        print(f"| {images.name} | {last['message']} |", flush=True)
        return
    result = last["result"]
    seconds = result["timings"]
    start = time.monotonic()
    placed = defaults(images, theirs)
    default_seconds = time.monotonic() - start
    difference = difference_of(ours, theirs) if placed > 2 else "-"
    scenes = [ours, theirs][: 1 + (placed > 2)]
    psnr = ", ".join(held_out(scene, arguments.train) for scene in scenes) if arguments.train else "-"
    cells = [
        f"{images.name} ({result['photos']})",
        str(result["registered"]),
        *(f"{seconds[step]:.1f}" for step in ("features", "pairs", "matching", "mapping", "polishing", "undistortion")),
        f"{total:.1f}",
        f"{result['reprojection_error_px']:.2f}",
        result["rung"],
        f"{placed}, {default_seconds:.1f}",
        difference,
        psnr,
    ]
    print("| " + " | ".join(cells) + " |", flush=True)


def defaults(images: Path, scene: Path) -> int:
    """COLMAP's defaults in one process, photos of one size sharing a camera; photos of the largest model."""
    from splatworker.machine.limits import available_cpus
    from splatworker.sfm.colmap import pycolmap
    from splatworker.sfm.photo import read_photos

    photos, _ = read_photos(images)
    one_size = len({(photo.width, photo.height) for photo in photos}) == 1
    scene.mkdir()
    database, threads = scene / "database.db", available_cpus()
    extraction, matching = pycolmap.FeatureExtractionOptions(), pycolmap.FeatureMatchingOptions()
    mapping = pycolmap.IncrementalPipelineOptions()
    extraction.num_threads = matching.num_threads = mapping.num_threads = threads
    mode = pycolmap.CameraMode.SINGLE if one_size else pycolmap.CameraMode.AUTO
    pycolmap.extract_features(database, images, camera_mode=mode, extraction_options=extraction)
    pycolmap.match_exhaustive(database, matching)
    models = pycolmap.incremental_mapping(database, images, scene, mapping)
    if not models:
        return 0
    best = max(models.values(), key=lambda model: model.num_reg_images())
    (scene / "best").mkdir()
    best.write(scene / "best")
    pycolmap.undistort_images(scene / "flat", scene / "best", images, num_threads=threads)
    (scene / "sparse" / "0").mkdir(parents=True)
    for file in (scene / "flat" / "sparse").iterdir():
        file.rename(scene / "sparse" / "0" / file.name)
    (scene / "flat" / "images").rename(scene / "images")
    return int(best.num_reg_images())


def difference_of(ours: Path, theirs: Path) -> str:
    """Largest differences of the cameras that both scenes have."""
    from splatworker.formats.scene import read_scene
    from splatworker.sfm.compare import compare_poses

    ours_poses, theirs_poses = (
        {photo.name: photo.camera.camera_from_world for photo in read_scene(scene).photos} for scene in (ours, theirs)
    )
    difference = compare_poses(ours_poses, theirs_poses)
    return f"{difference.rotation_deg.max():.3f}, {100 * difference.position.max():.3f}"


def held_out(scene: Path, iterations: int) -> str:
    """PSNR of the photos left out of a short training, in dB."""
    model = scene / "model"
    train = [sys.executable, "-m", "splatworker", "train", "-s", str(scene), "-m", str(model)]
    options = ["--iterations", str(iterations), "--eval", "-r", "480"]
    subprocess.run([*train, *options], check=True, capture_output=True)
    results = json.loads((model / "results.json").read_text())
    return f"{results['psnr']:.2f}"


def matched(images: Path, work: Path, longest: int) -> tuple[Workbench, int]:
    """A workbench with features, of photos of this size, and all pairs matched."""
    from splatworker.machine.limits import available_cpus
    from splatworker.sfm import database, features, matching
    from splatworker.sfm.cameras import group_photos
    from splatworker.sfm.layout import lay_out
    from splatworker.sfm.options import SfmOptions
    from splatworker.sfm.pairs import all_pairs
    from splatworker.sfm.photo import read_photos
    from splatworker.sfm.watch import Span
    from splatworker.sfm.workbench import Workbench
    from splatworker.stages.progress import Silent

    photos, _ = read_photos(images)
    options = SfmOptions()
    bench = Workbench(work, work / "photos", options, available_cpus())
    span = Span(Silent(), "", 0, 1)
    lay_out(photos, images, bench, span)
    groups = group_photos(photos, [images / photo.name for photo in photos])
    database.create(bench.database, photos, groups, "auto")
    features.extract(bench, dataclasses.replace(features.FAST, longest=longest or features.FAST.longest), span)
    matching.match(bench, all_pairs(len(photos)), span)
    return bench, len(photos)


def mapper_row(images: Path, work: Path, arguments: argparse.Namespace) -> None:
    """Mappers, and settings of COLMAP's, on the same matches."""
    from splatworker.sfm import rounds
    from splatworker.sfm.colmap import pycolmap
    from splatworker.sfm.compare import compare_poses
    from splatworker.sfm.mapping import ONE_THREAD, MapperPreset, by_size, incremental_options, map_incrementally
    from splatworker.sfm.watch import Span
    from splatworker.stages.progress import Silent

    bench, count = matched(images, work, arguments.longest)
    span = Span(Silent(), "", 0, 1)

    def ours(output: Path, preset: MapperPreset) -> list[Any]:
        return map_incrementally(bench, output, preset, count, span)

    def defaults_by(output: Path, seed: int) -> list[Any]:
        options = pycolmap.IncrementalPipelineOptions()
        options.num_threads, options.random_seed = bench.threads, seed
        output.mkdir()
        return by_size(pycolmap.incremental_mapping(bench.database, bench.photos, output, options))

    def in_rounds() -> list[Any]:
        return [rounds.map_in_rounds(bench, incremental_options(MapperPreset(), bench, ONE_THREAD), count, span)]

    ways: dict[str, Callable[[Path], list[Any]]] = {
        "rounds": lambda _: in_rounds(),
        "ours": lambda output: ours(output, MapperPreset()),
        "draft": lambda output: ours(output, MapperPreset(draft=True)),
        "default": lambda output: defaults_by(output, bench.options.seed),
        "other": lambda output: defaults_by(output, bench.options.seed + 1),
    }
    models, poses, seconds = {}, {}, {}
    for name, way in ways.items():
        start = time.process_time()
        models[name] = model = way(work / name)[0]
        seconds[name] = time.process_time() - start
        images_of = {i: model.image(i) for i in model.reg_image_ids()}
        poses[name] = {image.name: image.cam_from_world().matrix() for image in images_of.values()}
    pairs = (("rounds", "ours"), ("ours", "default"), ("draft", "default"), ("other", "default"))
    apart = [compare_poses(poses[name], poses[beside]) for name, beside in pairs]
    shown = ("rounds", "ours", "draft", "default")
    cells = [
        f"{images.name} ({', '.join(str(len(poses[name])) for name in shown)} of {count})",
        *(f"{seconds[name]:.2f}" for name in shown),
        ", ".join(str(models[name].num_points3D()) for name in shown),
        *(f"{d.rotation_deg.max():.3f}, {100 * d.position.max():.3f}" for d in apart),
    ]
    print("| " + " | ".join(cells) + " |", flush=True)


def adjust_row(images: Path, work: Path, arguments: argparse.Namespace) -> None:
    """The adjustment at the end, ours and COLMAP's, on the model that the mapper gave: the fastest of three each."""
    import copy

    from splatworker.sfm import adjustment, model_adjustment, polish
    from splatworker.sfm.colmap import pycolmap
    from splatworker.sfm.compare import compare_poses
    from splatworker.sfm.mapping import MapperPreset, map_incrementally
    from splatworker.sfm.watch import Span
    from splatworker.stages.progress import Silent

    bench, count = matched(images, work, arguments.longest)
    start = map_incrementally(bench, work / "model", MapperPreset(), count, Span(Silent(), "", 0, 1))[0]
    for camera in start.cameras.values():
        if camera.model_name == "SIMPLE_RADIAL" and start.num_reg_images() >= polish.MANY_PHOTOS:
            polish.refine_model(camera)
    pycolmap.ObservationManager(start).filter_observations_with_negative_depth()

    def seconds_of(adjust: Callable[[Any], Any]) -> tuple[float, Any, Any]:
        """The fastest of three, by processor seconds: the machine may be busy."""
        seconds = []
        for _ in range(3):
            model = copy.deepcopy(start)
            began = time.process_time()
            said = adjust(model)
            seconds.append(time.process_time() - began)
        return min(seconds), model, said

    theirs_s, theirs, summary = seconds_of(lambda model: polish.adjust_by_colmap(model, (), bench.threads))
    ours_s, ours, adjusted = seconds_of(lambda model: model_adjustment.adjust_model(model, threads=bench.threads))
    problem = model_adjustment.problem_of(start).problem
    alone_s, _, _ = seconds_of(lambda _: adjustment.adjust(problem, threads=bench.threads))
    cost = adjustment.adjust(model_adjustment.problem_of(theirs).problem, most_iterations=0).cost
    poses = [
        {image.name: image.cam_from_world().matrix() for image in map(model.image, model.reg_image_ids())}
        for model in (ours, theirs)
    ]
    apart = compare_poses(*poses)
    steps = summary.brief_report().partition("Iterations: ")[2].partition(",")[0]
    cells = [
        f"{images.name} ({len(poses[0])} of {count})",
        str(adjusted.used),
        f"{theirs_s:.3f}",
        f"{ours_s:.3f}",
        f"{ours_s - alone_s:.3f}",
        f"{theirs_s / ours_s:.1f}x",
        f"{steps}, {adjusted.iterations}",
        f"{adjusted.initial_cost:.1f}, {cost:.3f}, {adjusted.cost - cost:+.3f}",
        f"{apart.rotation_deg.max():.4f}, {100 * apart.position.max():.4f}",
    ]
    print("| " + " | ".join(cells) + " |", flush=True)


def pairs_row(images: Path, work: Path, arguments: argparse.Namespace) -> None:
    """Recall of the pairs chosen by likeness."""
    from splatworker.sfm import retrieval
    from splatworker.sfm.graph import read_graph
    from splatworker.sfm.pairs import all_pairs, choose_pairs

    bench, count = matched(images, work, arguments.longest)
    inliers = read_graph(bench.database).inliers
    start = time.monotonic()
    alike = retrieval.similarities(retrieval.read_descriptors(bench.database))
    chosen = set(choose_pairs(count, "retrieval", False, lambda: alike))
    seconds = time.monotonic() - start
    recalls = []
    for least in (1, 30, 60, 100):
        wanted = {pair for pair, number in inliers.items() if number >= least}
        recalls.append(f"{len(wanted & chosen) / len(wanted):.2f} of {len(wanted)}" if wanted else "-")
    cells = [f"{images.name} ({count})", str(len(all_pairs(count))), str(len(chosen)), f"{seconds:.1f}", *recalls]
    print("| " + " | ".join(cells) + " |", flush=True)


ROWS = {"stages": stages_row, "mapper": mapper_row, "adjust": adjust_row, "pairs": pairs_row}


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scenes", type=Path)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--mapper", action="store_true")
    parser.add_argument("--adjust", action="store_true")
    parser.add_argument("--pairs", action="store_true")
    parser.add_argument("--longest", type=int, default=0, metavar="PIXELS")
    parser.add_argument("--train", type=int, default=0, metavar="ITERATIONS")
    parser.add_argument("--verbose", action="store_true")
    parser.add_argument("--row", choices=tuple(ROWS), help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
