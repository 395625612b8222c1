"""The way through the house: photos in a folder, through four rooms, to a splat.

Every room is a stage with a command line of its own, run as a child process: this module knows their order and what
overlaps what; `stage_calls` what they are called with; and nobody here what they do.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from splatworker.contract.job import Recipe
from splatworker.errors import SplatError
from splatworker.pipeline import trainers
from splatworker.pipeline.records import Arrival, Photos, Result
from splatworker.pipeline.stage_calls import JobRun, TrainingInput, cut_out, decode, probe, reconstruct, train
from splatworker.pipeline.training_plan import Plan
from splatworker.stages.process import StageRunner
from splatworker.stages.progress import Overall
from splatworker.stages.undisturbed import undisturbed

T = TypeVar("T")

TOLD_OF_OBJECT = (
    "delivered",
    "code",
    "reason",
    "object_from_scene",
    "segmentation",
    "size",
    "unit",
    "axes",
    "gaussians_of_scene",
)
"""What the answer says of the object that was asked for."""

WEIGHTS: Mapping[str, float] = {"photos": 0.06, "sfm": 0.33, "train": 0.52, "deliver": 0.03, "export": 0.06}
"""The stages in their order, and their usual shares of the time."""

FRAMES_WEIGHT = 0.15
"""The same of the choice of frames, where there are videos: before all others."""

OBJECT_WEIGHT = 0.05
"""That of finding the object, where it alone is wanted."""


def weights_of(subject: str) -> dict[str, float]:
    """The stages of a job of this `subject`, in their order, with their shares of the time."""
    weights = dict[str, float]()
    for stage, weight in WEIGHTS.items():
        weights[stage] = weight
        if stage == "train" and subject == "object":
            weights["object"] = OBJECT_WEIGHT
    return weights


async def run(
    recipe: Recipe,
    photos: Arrival,
    runner: StageRunner,
    report: Overall,
    *,
    gpu_required: bool = False,
    keeps_model: bool = False,
    on_training: Callable[[], None] = lambda: None,
) -> Result:
    """Make a splat of photos.

    While photos arrive, those that are here are decoded, features are found in them, and the trainer warms up.

    Args:
        runner: starts the stages, in a workspace of this job's own; its deadline is the job's.
        report: hears the progress, and the warnings.
        gpu_required: fail where no GPU can be used, rather than train a preview on the CPU.
        keeps_model: somebody gets the model folder, with every splat on the way that the recipe asks for.
        on_training: called when the training on a GPU begins: from then on most processors have nothing to do.

    Raises:
        SplatError: from whichever job.
    """
    loop = asyncio.get_running_loop()
    job = JobRun(recipe, runner, report, gpu_required, keeps_model, on_training)
    for note in recipe.notes:
        report.warning(note)
    # Stages wait for these, and not for the tasks before them: a failure then comes from its own stage alone.
    here: asyncio.Future[Photos] = loop.create_future()
    clean: asyncio.Future[dict[str, Any]] = loop.create_future()
    scene_is_there: asyncio.Future[TrainingInput] = loop.create_future()
    arriving = asyncio.ensure_future(photos.all_arrived)
    probing = asyncio.create_task(probe(job))
    decoding = asyncio.create_task(decode(job, photos, probing, here))
    mapping = asyncio.create_task(reconstruct(job, probing, clean))
    training = asyncio.create_task(train(job, probing, scene_is_there))
    try:
        trainers.check(recipe.trainer)
        gpus = await probing
        here.set_result(await _unless_one_fails(arriving, decoding, mapping, training))
        decoded = await _unless_one_fails(decoding, mapping, training)
        clean.set_result(decoded)
        scene = await _unless_one_fails(mapping, training)
        scene_is_there.set_result(TrainingInput(_sizes(decoded, scene), scene.get("overlap")))
        model, planned = await training
    except SplatError as error:
        error.rejected = job.rejected
        raise
    finally:
        await undisturbed(_end(training, mapping, decoding, probing, arriving))
    alone = await cut_out(job, on_cpu=_device(model, gpus) == "cpu")
    return _result(job, decoded, scene, model, planned, gpus, alone, here.result().videos)


async def _unless_one_fails(wanted: asyncio.Future[T], *others: asyncio.Future[Any]) -> T:
    """What `wanted` comes to, or the error of whichever fails before."""
    waiting: set[asyncio.Future[Any]] = {wanted, *others}
    while not wanted.done():
        done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    return wanted.result()


async def _end(*tasks: asyncio.Future[Any]) -> None:
    """Cancel what still runs, and come back when its processes are gone."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _sizes(decoded: dict[str, Any], scene: dict[str, Any]) -> list[tuple[int, int]]:
    """(width, height) in pixels of the decoded photos that have a camera, of the views of panoramas, and of the sides
    of fisheyes' photos.
    """
    without = {photo["name"] for photo in scene["rejected"]}
    views = scene.get("views", [])
    without |= {view["panorama"] for view in views}
    kept = [photo for photo in decoded["photos"] if photo["name"] not in without]
    return [(int(photo["width"]), int(photo["height"])) for photo in [*kept, *views, *scene.get("faces", [])]]


def _panoramas(scene: dict[str, Any]) -> dict[str, int]:
    """For the account of photos: how many were panoramas, and how many views these were trained as; {} without any."""
    if not scene.get("panoramas"):
        return {}
    return {"panoramas": scene["panoramas"], "views": len(scene["views"])}


def _quality(model: dict[str, Any]) -> dict[str, Any]:
    """How good the splat is: its scores on held-out photos, if any were held out, and on those trained on."""
    quality = {"preview": model["preview"], "iterations": model["iterations"]}
    held_out, seen = (model.get("quality", {}).get(kind) for kind in ("test", "train"))
    if held_out:
        quality |= {"psnr": held_out["psnr"], "ssim": held_out["ssim"], "held_out_photos": len(held_out["photos"])}
    if seen:
        quality["training_psnr"] = seen["psnr"]
    if "light" in model:
        quality["light"] = model["light"]  # of the darkest and brightest photo, before they were brought into one
    if "vignetting" in model:
        quality["vignetting"] = model["vignetting"]  # of each lens, before its corners were brightened
    if "exposure" in model:
        quality["exposure"] = model["exposure"]  # of the darkest and brightest photo, as it was learnt
    if "passers_by" in model:
        quality["passers_by"] = model["passers_by"]  # the share of all pixels, and the photos, they were left out of
    if "backdrop" in model:
        quality["backdrop"] = model["backdrop"]  # of how many pixels it is, and how much of that it explains
    if "teachers" in model:
        quality["teachers"] = model["teachers"]  # trainings that came first, and the views in which they agreed
    if "start_points" in model:
        quality["start_points"] = model["start_points"]  # the cameras' own, and those that the photos' pixels told
    return quality


def _result(
    job: JobRun,
    decoded: dict[str, Any],
    scene: dict[str, Any],
    model: dict[str, Any],
    planned: Plan,
    gpus: Sequence[dict[str, Any]],
    alone: dict[str, Any] | None,
    videos: Sequence[dict[str, Any]],
) -> Result:
    """The splat in artifacts/, and the account of how it came to be."""
    artifacts = job.workspace / "artifacts"
    artifacts.mkdir(exist_ok=True)
    ply = artifacts / "splat.ply"
    made = model if alone is None or "ply" not in alone else alone
    os.link(job.workspace / made["ply"], ply)  # one file in both places: what else is made of it comes later
    index = {photo["name"]: photo["index"] for photo in decoded["photos"]}
    unregistered = [
        {"index": index.get(photo["name"]), "name": photo["name"], "reason": photo["reason"]}
        for photo in scene["rejected"]
    ]
    return Result(
        ply=ply,
        gaussians=made["gaussians"],
        photos={
            "given": len(decoded["photos"]) + len(decoded["rejected"]),
            "used": len(decoded["photos"]),
            "registered": scene["registered"],
            **_panoramas(scene),
            "rejected": [*decoded["rejected"], *unregistered],
            **({"masked": masked} if (masked := sum("masked" in photo for photo in decoded["photos"])) else {}),
        },
        quality=_quality(model) | {"reprojection_error_px": round(scene["reprojection_error_px"], 3)},
        schedule=planned.schedule,
        iterations=planned.iterations,
        device=_device(model, gpus),
        timings=job.timings,
        peak_memory_bytes=job.peaks,
        subject=None if alone is None else {name: alone[name] for name in TOLD_OF_OBJECT if name in alone},
        videos=list(videos),
    )


def _device(model: dict[str, Any], gpus: Sequence[dict[str, Any]]) -> str:
    return str(gpus[0]["name"]) if gpus and model.get("device") != "cpu" else "cpu"
