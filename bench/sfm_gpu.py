"""Cameras on a machine with a GPU: the stage as it is, and what each of its choices costs.

    python bench/sfm_gpu.py PHOTOS      under a minute for 50 photos

Wants COLMAP with CUDA (pip install pycolmap-cuda12==4.2.1) and, for the column "kernel", this package's compiled
kernels; without them the column is empty. Prints one line for `splatworker sfm PHOTOS`, then a row a feature preset:
features on the GPU, matching by COLMAP on the GPU and by our kernel on the CPU, mapping by all features and by a
draft, how far apart these two are, and how far the cameras are from those of the finest preset. `--device cpu` runs
the same on a CPU, which takes minutes.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

if TYPE_CHECKING:
    from splatworker.sfm.mapping import MapperPreset
    from splatworker.sfm.workbench import Workbench

Result = TypeVar("Result")


def main() -> int:
    arguments = parse()
    print(f"{machine(arguments.device)}, load {os.getloadavg()[0]:.1f}", flush=True)
    with tempfile.TemporaryDirectory() as work:
        stage(arguments.photos, Path(work) / "scene", arguments.device)
        presets(arguments.photos, Path(work), arguments.device)
    return 0


def machine(device: str) -> str:
    """What this runs on; ends the program where there is no GPU to measure."""
    from splatworker.machine.gpu import find_gpus
    from splatworker.machine.limits import available_cpus
    from splatworker.sfm.features import has_cuda

    if device == "cpu":
        return f"no GPU used, {available_cpus()} processors"
    if not has_cuda():
        sys.exit("COLMAP cannot use a GPU here: there is none, or this is the package pycolmap without CUDA.")
    return f"{find_gpus()['gpus'][0]['name']}, {available_cpus()} processors"


def stage(photos: Path, scene: Path, device: str) -> None:
    """`splatworker sfm` in a process of its own, start to end."""
    command = [sys.executable, "-m", "splatworker", "sfm", str(photos), "-o", str(scene), "--device", device, "--json"]
    start = time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    seconds = time.monotonic() - start
    last = json.loads(done.stdout.splitlines()[-1])
    if last["event"] == "error":
        sys.exit(last["message"])
    result = last["result"]
    steps = ", ".join(f"{step} {cost:.1f}" for step, cost in result["timings"].items())
    print(
        f"splatworker sfm: {seconds:.1f} s in all ({steps}); {result['registered']} of {result['photos']} photos, "
        f"{result['points']} points, {result['reprojection_error_px']:.2f} px\n",
        flush=True,
    )


def presets(photos: Path, work: Path, device: Literal["cuda", "cpu"]) -> None:
    """A row for the fine and one for the fast features."""
    from splatworker.machine.limits import available_cpus
    from splatworker.sfm import database, features, mapping, matching, nearest
    from splatworker.sfm.cameras import group_photos
    from splatworker.sfm.compare import compare_poses
    from splatworker.sfm.layout import lay_out
    from splatworker.sfm.options import SfmOptions
    from splatworker.sfm.pairs import all_pairs
    from splatworker.sfm.photo import read_photos
    from splatworker.sfm.watch import Span
    from splatworker.sfm.workbench import Workbench
    from splatworker.stages.progress import Silent

    found, _ = read_photos(photos)
    options = SfmOptions(device=device)
    room = Workbench(work, work / "photos", options, available_cpus())
    span = Span(Silent(), "", 0, 1)
    lay_out(found, photos, room, span)
    groups = group_photos(found, [photos / photo.name for photo in found])
    pairs, ways = all_pairs(len(found)), (mapping.MapperPreset(), mapping.MapperPreset(draft=True))

    def map_(bench: Workbench, output: Path, way: MapperPreset) -> Any:
        return mapping.map_incrementally(bench, output, way, len(found), span)[0]

    def poses_of(model: Any) -> dict[str, Any]:
        images = [model.image(image_id) for image_id in model.reg_image_ids()]
        return {image.name: image.cam_from_world().matrix() for image in images}

    print(
        "| features | s | matching by COLMAP s | by the kernel s | mapping s | placed | px | from fine: deg, % | "
        "mapping by a draft s | points without and with | from without: deg, % |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|---|")
    finest = None
    fast, fine, _ = features.presets(options, room.threads)
    for preset in (fine, fast):
        bench = Workbench(work / preset.name, room.photos, options, room.threads)
        bench.folder.mkdir()
        database.create(bench.database, found, groups, "auto")
        extraction, _ = timed(partial(features.extract, bench, preset, span))
        by_kernel = "-"
        if nearest.has_kernel():
            twin = Workbench(work / f"{preset.name} kernel", room.photos, options, room.threads)
            twin.folder.mkdir()
            shutil.copy(bench.database, twin.database)
            search, _ = timed(partial(matching.match_by_kernel, twin, pairs, span))
            check, _ = timed(partial(matching.verify, twin, twin.database, span, strict=False))
            by_kernel = f"{search:.1f} + {check:.1f}"
        by_colmap, _ = timed(partial(matching.match_by_colmap, bench, pairs, span, guided=False, gpu=preset.gpu))
        (placing, model), (drafting, by_draft) = (
            timed(partial(map_, bench, bench.folder / str(way.draft), way)) for way in ways
        )
        poses = poses_of(model)
        finest = finest or poses
        away, apart = compare_poses(poses, finest), compare_poses(poses_of(by_draft), poses)
        error = model.compute_mean_reprojection_error()
        print(
            f"| {preset.name} | {extraction:.1f} | {by_colmap:.1f} | {by_kernel} | {placing:.1f} | {len(poses)} | "
            f"{error:.2f} | {away.rotation_deg.max():.3f}, {100 * away.position.max():.3f} | {drafting:.1f} | "
            f"{model.num_points3D()}, {by_draft.num_points3D()} | "
            f"{apart.rotation_deg.max():.3f}, {100 * apart.position.max():.3f} |",
            flush=True,
        )


def timed(call: Callable[[], Result]) -> tuple[float, Result]:
    """(seconds, result) of a call."""
    start = time.monotonic()
    result = call()
    return time.monotonic() - start, result


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path)
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
