"""One whole training, in this process: seconds, scores, memory, start, as one line of JSON. Called by bench/train.py.

    python bench/one_training.py TRAINER SCENE ITERATIONS SEED DEVICE [--pictures FOLDER] [--stages]
                                 [--params JSON] [--score SCENE] [--cleaned]

TRAINER is default (ours, as a job without params is trained), original (ours, with the original's schedule),
deterministic (default, repeating to the bit whatever a job would decide) or gsplat; default:NAME=VALUE,... is default
with such params, as is `--params` with a job's. `--score` trains on all photos of SCENE, and scores on the held-out
ones of another scene with the same world, instead of holding out every 8th. `--cleaned` scores ours without what no
photo supports, as jobs deliver it. `--stages` times the stages of steps on the finished model, and the rounds of
density control, for which the host then waits; on a GPU that is done on torch's tensors.
"""

from __future__ import annotations

import argparse
import gc
import hashlib
import json
import os
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any

STARTED = float(os.environ.get("BENCH_STARTED", time.time()))
"""When the process was started, as seconds since the epoch."""

PICTURES = 2
"""Held-out photos whose renders are written."""


def main() -> None:
    parser = argparse.ArgumentParser()
    for name in ("trainer", "scene", "iterations", "seed", "device"):
        parser.add_argument(name)
    parser.add_argument("--pictures", type=Path)
    parser.add_argument("--stages", action="store_true")
    parser.add_argument("--params", type=json.loads, default={})
    parser.add_argument("--score", type=Path)
    parser.add_argument("--cleaned", action="store_true")
    given = parser.parse_args()
    if given.stages:
        os.environ["SPLATWORKER_ARRAYS"] = "torch"
    with tempfile.TemporaryDirectory() as folder:
        options = options_for(given, Path(folder))
        train = train_gsplat if given.trainer == "gsplat" else partial(train_ours, clean=given.cleaned)
        gc.freeze()  # as `splatworker train` does
        held_out_of = given.score or Path(given.scene)
        print(json.dumps(train(options, given.device, given.pictures, given.stages, held_out_of)))


def options_for(given: argparse.Namespace, folder: Path) -> Any:
    """The options that the worker would train with."""
    from splatworker.train.options import parse

    trainer = given.trainer
    _, _, assignments = trainer.partition(":")
    params: dict[str, Any] = {"iterations": int(given.iterations)} | given.params
    params |= {
        name: json.loads(value) for name, _, value in (pair.partition("=") for pair in assignments.split(",") if pair)
    }
    if trainer in ("original", "gsplat"):
        params["schedule"] = "original"
    params["eval"] = given.score is None
    if trainer == "deterministic":
        params["deterministic"] = True  # else as a job decides
    words = words_for(Path(given.scene), params)
    options, _ = parse(["-s", given.scene, "-m", str(folder), *words, "--seed", given.seed])
    return options


def words_for(scene: Path, params: dict[str, Any]) -> list[str]:
    """What the worker would say on the command line of `splatworker train` for a job with such params."""
    from splatworker.contract.job import recipe
    from splatworker.contract.params import arguments
    from splatworker.formats.scene import read_scene
    from splatworker.pipeline.training_plan import plan

    sizes = [(photo.camera.width, photo.camera.height) for photo in read_scene(scene).photos]
    return arguments(plan(recipe({"params": params}), sizes, overlap=overlap_of(scene)).values)


def overlap_of(scene: Path) -> float | None:
    """With how many others a photo overlaps, as a job's training is planned by; None if its model is not there."""
    from splatworker.sfm.colmap import pycolmap
    from splatworker.sfm.overlap import overlapping_photos

    model = scene / "sparse" / "0"
    return overlapping_photos(pycolmap.Reconstruction(str(model))) if model.is_dir() else None


def train_ours(
    options: Any, device: str, pictures: Path | None, stages: bool, held_out_of: Path, *, clean: bool
) -> dict[str, Any]:
    start = {"Python": time.time() - STARTED}
    from delivered import cleaned

    from splatworker.formats.ply import read_ply
    from splatworker.formats.scene import read_scene, split
    from splatworker.render.backend import renderer_for
    from splatworker.render.device import peak_memory
    from splatworker.render.tensors import to_tensors
    from splatworker.stages.progress import Silent
    from splatworker.train import preparation, trainer

    start["imports"] = time.time() - STARTED
    renderer = renderer_for(device, deterministic=options.deterministic)
    start["renderer"] = time.time() - STARTED
    step = renderer.training_step

    def first_step(*args: Any) -> Any:
        start["data"] = time.time() - STARTED
        loss = step(*args)
        float(loss.total)  # waits for the GPU
        start["first iteration"] = time.time() - STARTED
        renderer.training_step = step  # type: ignore[method-assign]
        replaced.append(step)
        return loss

    replaced: list[Any] = []

    def training_step(*args: Any) -> Any:
        return step(*args) if replaced else first_step(*args)

    renderer.training_step = training_step  # type: ignore[method-assign, assignment]
    rounds: list[float] = []
    if stages:
        for name in ("GradientDensity", "RevisedDensity"):
            setattr(preparation, name, timed_density(getattr(preparation, name), rounds))
    told = trainer.train(options, renderer, Silent())
    peak_bytes = peak_memory(renderer.device)
    peak = None if peak_bytes is None else peak_bytes / 2**20
    splat = read_ply(Path(told["ply"]))
    if clean:
        scene = read_scene(options.source_path)
        photos, _ = split(scene.photos, options.eval)
        splat = cleaned(splat, photos, scene.points.xyz, renderer, options, told)
    gaussians = to_tensors(splat, renderer.device)
    if pictures:
        draw(renderer, gaussians, options, pictures, "ours")
    detail: dict[str, Any] = {"md5": hashlib.md5(Path(told["ply"]).read_bytes()).hexdigest()}
    if stages:
        detail["density_ms"] = [round(1e3 * seconds, 2) for seconds in rounds]
        detail["stages_us"] = stage_times(renderer, gaussians, options)
    return detail | {
        "seconds": told["seconds"],
        "iterations": told["iterations"],
        "gaussians": len(splat),
        **scores(renderer, gaussians, options, held_out_of),
        "peak_mib": peak,
        "start": {name: round(seconds, 2) for name, seconds in start.items()},
    }


def scores(renderer: Any, gaussians: Any, options: Any, held_out_of: Path) -> dict[str, Any]:
    """PSNR and SSIM on the photos that the scene `held_out_of` holds out: of a splat as it is delivered."""
    import numpy as np

    from splatworker.formats.scene import read_scene, split
    from splatworker.render.arrays import to_device
    from splatworker.train.evaluate import score_views, summary
    from splatworker.train.photos import load_views

    _, photos = split(read_scene(held_out_of).photos, True)
    background = to_device(np.full(3, float(options.white_background), np.float32), renderer.device)
    views = load_views(photos, options, renderer.device)
    names = [photo.name for photo in photos]
    told = summary(score_views(renderer, gaussians, names, views, background, options.sh_degree))
    return told | {"photos": {photo["name"]: photo["psnr"] for photo in told["photos"]}}


def train_gsplat(options: Any, device: str, pictures: Path | None, stages: bool, held_out_of: Path) -> dict[str, Any]:
    import gsplat_cuda
    import torch

    from splatworker.formats.scene import read_scene, split
    from splatworker.render.cuda import CudaRenderer
    from splatworker.render.tensors import to_tensors
    from splatworker.train.initial import gaussians_from_points, scene_extent
    from splatworker.train.photos import load_views
    from splatworker.train.schedule import learning_rates

    torch.manual_seed(options.seed)
    scene = read_scene(options.source_path)
    train_photos, _ = split(scene.photos, options.eval)
    extent = scene_extent(train_photos)
    first = to_tensors(gaussians_from_points(scene.points, options.sh_degree), torch.device(device))
    views = load_views(train_photos, options, torch.device(device))
    torch.cuda.synchronize()
    began = time.perf_counter()
    model = gsplat_cuda.train(first, views, learning_rates(options, extent, 1), extent, options)
    torch.cuda.synchronize()
    seconds, peak = time.perf_counter() - began, torch.cuda.max_memory_allocated() / 2**20
    renderer, gaussians = CudaRenderer(), model.gaussians()
    if pictures:
        draw(renderer, gaussians, options, pictures, "gsplat")
    return {
        "seconds": seconds,
        "iterations": options.iterations,
        "gaussians": len(gaussians.means),
        **scores(renderer, gaussians, options, held_out_of),
        "peak_mib": peak,
    }


def timed_density(kind: Any, rounds: list[float]) -> Any:
    """A density strategy that notes how long each of its rounds takes."""
    import torch

    class Timed(kind):  # type: ignore[misc]
        def after_step(self, iteration: int, model: Any) -> None:
            if not self._is_round(iteration):
                super().after_step(iteration, model)
                return
            torch.cuda.synchronize()
            began = time.perf_counter()
            super().after_step(iteration, model)
            torch.cuda.synchronize()
            rounds.append(time.perf_counter() - began)

    return Timed


def stage_times(renderer: Any, gaussians: Any, options: Any) -> dict[str, float]:
    """Microseconds of every stage of a step on a finished model, the mean over the photos to train on."""
    import resampled_scene as resampled
    import torch

    from splatworker.formats.scene import read_scene, split
    from splatworker.render.interface import AdamState, DensityStatistics, GaussianTensors, LossTerms, Step
    from splatworker.train.photos import load_views

    scene = read_scene(options.source_path)
    views = load_views(split(scene.photos, True)[0], options, renderer.device)
    cpu_state, cpu_statistics = resampled.fresh_state(GaussianTensors(*(tensor.cpu() for tensor in gaussians)))
    state = AdamState(*(GaussianTensors(*(t.to(renderer.device) for t in moment)) for moment in cpu_state))
    statistics = DensityStatistics(*(t.to(renderer.device) for t in cpu_statistics))
    background = torch.zeros(3, device=renderer.device)
    rates = resampled.rates_for(scene)
    times: dict[str, float] = {"instances": 0}
    for number in range(2 * len(views)):
        view = views[number % len(views)]
        renderer._native.set_timing(number >= len(views))
        step = Step(view, background, options.sh_degree, LossTerms(0.2), rates, 9999)
        renderer.training_step(gaussians, state, statistics, step)
        if number >= len(views):
            times["instances"] += renderer._native.instances / len(views)
            for name, milliseconds in renderer._native.stage_times():
                times[name] = times.get(name, 0) + 1e3 * milliseconds / len(views)
    return {name: round(value, 1) for name, value in times.items()}


def draw(renderer: Any, gaussians: Any, options: Any, folder: Path, who: str) -> None:
    """Write renders of the first held-out photos as PNG files."""
    import numpy as np
    from PIL import Image

    from splatworker.formats.scene import read_scene, split
    from splatworker.render.arrays import to_device
    from splatworker.render.pictures import to_picture
    from splatworker.train.photos import load_views

    _, held_out = split(read_scene(options.source_path).photos, True)
    chosen = held_out[1 : 1 + PICTURES]
    for photo, view in zip(chosen, load_views(chosen, options, renderer.device), strict=True):
        black = to_device(np.zeros(3, np.float32), renderer.device)
        pixels = to_picture(renderer.render(gaussians, view.camera, black, options.sh_degree))
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(folder / f"{options.source_path.name}_{Path(photo.name).stem}_{who}.png")


if __name__ == "__main__":
    main()
