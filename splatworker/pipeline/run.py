"""The way through the house: photos in a folder, through four rooms, to a splat.

Every room is a stage with a command line of its own, run as a child process: this module knows their order, what they
are called with, and what a caller wants to hear about them, and nothing of what they do.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from splatworker.contract.job import Recipe
from splatworker.errors import GpuFailed, SplatError
from splatworker.machine.limits import available_cpus
from splatworker.photos.enough_photos import demand_enough, name_of
from splatworker.pipeline import photo_sizes, trainers
from splatworker.pipeline.training_plan import Plan, is_preview, plan
from splatworker.stages.crash_cause import explain_crash
from splatworker.stages.process import StageRunner
from splatworker.stages.progress import Overall, Silent
from splatworker.stages.undisturbed import undisturbed
from splatworker.stages.workspace import check_room, size_of

T = TypeVar("T")

WEIGHTS: Mapping[str, float] = {"photos": 0.06, "sfm": 0.33, "train": 0.52, "deliver": 0.03, "export": 0.06}
"""The stages in their order, and their usual shares of the time."""

PROBE_SECONDS = 30.0
TRAINING_DISK = 256 * 2**20
"""Bytes that a model folder may need."""

SHARES: Mapping[str, float] = {"fetch": 0.4, "photos": 0.6, "sfm": 0.8, "train": 0.9}
"""How much of a job's time may be gone when a stage ends: what it leaves must do for those after it."""


def stage_deadline(stage: str, deadline: float | None) -> float | None:
    """When a stage must have ended, for a job that starts now to meet its deadline (both `time.monotonic()`)."""
    if deadline is None:
        return None
    now = time.monotonic()
    return now + SHARES[stage] * max(0.0, deadline - now)


@dataclass(frozen=True)
class Photos:
    """Photos as they came: a folder of files that may be some.

    Attributes:
        index: each file's number in the job, from 0; without it, their order by name.
        lost: photos that never came, as {"index", "reason"}.
        seconds: how long they took to come.
    """

    folder: Path
    index: Mapping[str, int] = field(default_factory=dict)
    lost: Sequence[dict[str, Any]] = ()
    seconds: float | None = None


@dataclass(frozen=True)
class Arrival:
    """Photos on their way.

    Attributes:
        folder: where they arrive, each whole by a rename; it may not be there yet.
        all_arrived: what came, once the last one has.
    """

    folder: Path
    all_arrived: Awaitable[Photos]


@dataclass
class Result:
    """A finished splat and what there is to say about it: all but `ply` is ready to be JSON."""

    ply: Path
    gaussians: int
    photos: dict[str, Any]
    quality: dict[str, Any]
    schedule: str
    iterations: dict[str, Any]
    device: str
    timings: dict[str, float]
    peak_memory_bytes: dict[str, int]


@dataclass
class _Run:
    """What every room is told."""

    recipe: Recipe
    runner: StageRunner
    report: Overall
    gpu_required: bool
    keeps_model: bool
    on_training: Callable[[], None]
    timings: dict[str, float] = field(default_factory=dict)
    rejected: list[dict[str, Any]] = field(default_factory=list)
    peaks: dict[str, int] = field(default_factory=dict)

    @property
    def workspace(self) -> Path:
        """The job's folder."""
        return self.runner.workspace

    def note(self, stage: str, started: float, result: dict[str, Any]) -> None:
        """Remember a stage's seconds and memory."""
        self.timings[stage] = round(time.monotonic() - started, 2)
        self.peaks["host"] = max(self.peaks.get("host", 0), result["process"].get("peak_rss_bytes", 0))


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
        SplatError: from whichever room.
    """
    loop = asyncio.get_running_loop()
    room = _Run(recipe, runner, report, gpu_required, keeps_model, on_training)
    for note in recipe.notes:
        report.warning(note)
    # Stages wait for these, and not for the tasks before them: a failure then comes from its own stage alone.
    here: asyncio.Future[Photos] = loop.create_future()
    clean: asyncio.Future[dict[str, Any]] = loop.create_future()
    scene_is_there: asyncio.Future[_Found] = loop.create_future()
    arriving = asyncio.ensure_future(photos.all_arrived)
    probing = asyncio.create_task(_probe(room))
    decoding = asyncio.create_task(_decode(room, photos.folder, probing, here))
    mapping = asyncio.create_task(_reconstruct(room, probing, clean))
    training = asyncio.create_task(_train(room, probing, scene_is_there))
    try:
        trainers.check(recipe.trainer)
        gpus = await probing
        here.set_result(await _unless_one_fails(arriving, decoding, mapping, training))
        decoded = await _unless_one_fails(decoding, mapping, training)
        clean.set_result(decoded)
        scene = await _unless_one_fails(mapping, training)
        scene_is_there.set_result(_Found(_sizes(decoded, scene), scene.get("overlap")))
        model, planned = await training
    except SplatError as error:
        error.rejected = room.rejected
        raise
    finally:
        await undisturbed(_end(training, mapping, decoding, probing, arriving))
    return _export(room, decoded, scene, model, planned, gpus)


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


async def _probe(room: _Run) -> list[dict[str, Any]]:
    """The GPUs that the trainer can use; none where the driver does not answer.

    Raises:
        GpuFailed: there is none, and the machine is one that should have one.
    """
    try:
        found = await room.runner.run("probe", report=Silent(), deadline=time.monotonic() + PROBE_SECONDS)
    except SplatError as error:
        if room.gpu_required:
            raise _gpu_is_gone(error.message) from None
        room.report.warning(f"The GPU does not answer, so the CPU is used: {error.message}")
        return []
    gpus: list[dict[str, Any]] = found["gpus"]
    if room.gpu_required and not gpus:
        raise _gpu_is_gone(f"{found['reason'][:1].upper()}{found['reason'][1:]}.")
    if found.get("code", "") not in ("", "no_driver", "no_gpu"):  # there is one, and it cannot be used
        room.report.warning(f"The CPU is used, because {found['reason']}.")
    if gpus and room.recipe.trainer == "native" and not found["kernels"]:
        room.report.warning("This installation has no kernels for the machine's GPU: the CPU is used.")
        return []
    return gpus


def _gpu_is_gone(reason: str) -> GpuFailed:
    return GpuFailed(f"This worker has lost its GPU. {reason}", hint="Send the job again.", stage="train")


async def _decode(
    room: _Run, folder: Path, probing: asyncio.Task[list[dict[str, Any]]], here: asyncio.Future[Photos]
) -> dict[str, Any]:
    """Clean photos in images/, as they arrive. The stage's result, with indices of the job."""
    preview = is_preview(room.recipe, gpu=bool(await asyncio.shield(probing)))
    check_room(room.workspace, "photos", 0)
    started = 0.0

    async def all_arrived() -> None:
        nonlocal started
        photos = await asyncio.shield(here)
        check_room(room.workspace, "photos", 2 * size_of(photos.folder))
        started = time.monotonic()

    decoded = await room.runner.run(
        "photos",
        [
            *(folder, "-o", room.workspace / "images", "--follow"),
            *("--max-size", str(photo_sizes.decoded(room.recipe, preview=preview)), "--jobs", str(available_cpus())),
        ],
        report=room.report.stage("photos"),
        deadline=stage_deadline("photos", room.runner.deadline),
        request=all_arrived,
    )
    photos = here.result()
    if photos.seconds is not None:
        room.timings["fetch"] = photos.seconds
    room.note("photos", started, decoded)
    for photo in decoded["photos"]:
        photo["index"] = photos.index.get(photo["file"], photo["index"])
    for photo in decoded["rejected"]:
        photo["index"] = photos.index.get(photo["name"], photo["index"])
    decoded["rejected"] = sorted([*photos.lost, *decoded["rejected"]], key=lambda photo: int(photo["index"]))
    room.rejected = decoded["rejected"]
    for photo in decoded["rejected"]:
        room.report.warning(f"{name_of(photo)} is left out: {photo['reason']}.")
    demand_enough(len(decoded["photos"]), decoded["rejected"])
    return decoded


async def _reconstruct(
    room: _Run, probing: asyncio.Task[list[dict[str, Any]]], clean: asyncio.Future[dict[str, Any]]
) -> dict[str, Any]:
    """Cameras and undistorted photos in scene/. The stage's result.

    Called when the job starts: features of photos that are here are found while others still arrive.
    """
    preview = is_preview(room.recipe, gpu=bool(await asyncio.shield(probing)))
    check_room(room.workspace, "sfm", 0)
    images = room.workspace / "images"
    options = room.recipe.sfm.arguments()
    photos = (await asyncio.shield(clean))["photos"] if photo_sizes.is_a_part(room.recipe) else ()
    size = photo_sizes.undistorted(room.recipe, photos, preview=preview)
    if size is not None:
        options += ["--undistort-max-size", str(size)]
    started = 0.0

    async def all_arrived() -> None:
        nonlocal started
        await asyncio.shield(clean)
        check_room(room.workspace, "sfm", 4 * size_of(images))
        started = time.monotonic()

    with explain_crash("sfm"):
        scene = await room.runner.run(
            "sfm",
            [images, "-o", room.workspace / "scene", "--follow", *options],
            report=room.report.stage("sfm"),
            deadline=stage_deadline("sfm", room.runner.deadline),
            request=all_arrived,
        )
    room.note("sfm", started, scene)
    return scene


async def _train(
    room: _Run,
    probing: asyncio.Task[list[dict[str, Any]]],
    scene_is_there: asyncio.Future[_Found],
) -> tuple[dict[str, Any], Plan]:
    """The trainer's model folder. The stage's result, and what was planned.

    Called when the job starts: on a GPU the trainer's process warms up while photos arrive and COLMAP runs.
    """
    gpus = await asyncio.shield(probing)
    preview = is_preview(room.recipe, gpu=bool(gpus))
    started = 0.0
    planned: list[Plan] = []

    async def values() -> dict[str, Any]:
        nonlocal started
        found = await asyncio.shield(scene_is_there)  # which others wait for, too
        check_room(room.workspace, "train", TRAINING_DISK)
        if gpus:
            room.on_training()
        started = time.monotonic()
        planned.append(
            plan(room.recipe, found.sizes, overlap=found.overlap, gpu=bool(gpus), keeps_model=room.keeps_model)
        )
        for remark in planned[0].remarks:
            room.report.warning(remark)
        return planned[0].values

    model = await trainers.train(
        room.recipe.trainer,
        room.workspace / "scene",
        room.workspace / "model",
        values,
        warm=bool(gpus),
        runner=room.runner,
        report=room.report.stage("train"),
        deadline=stage_deadline("train", room.runner.deadline),
    )
    room.note("train", started, model)
    if "peak_memory_bytes" in model and gpus:
        room.peaks["gpu"] = int(model["peak_memory_bytes"])
    return model | {"preview": preview}, planned[0]


class _Found(NamedTuple):
    """What the training is planned by: (width, height) of photos with a camera, and their overlap."""

    sizes: list[tuple[int, int]]
    overlap: float | None


def _sizes(decoded: dict[str, Any], scene: dict[str, Any]) -> list[tuple[int, int]]:
    """(width, height) in pixels of the decoded photos that have a camera."""
    without = {photo["name"] for photo in scene["rejected"]}
    return [(int(photo["width"]), int(photo["height"])) for photo in decoded["photos"] if photo["name"] not in without]


def _quality(model: dict[str, Any]) -> dict[str, Any]:
    """How good the splat is: its scores on held-out photos, if any were held out, and on those trained on."""
    quality = {"preview": model["preview"], "iterations": model["iterations"]}
    held_out, seen = (model.get("quality", {}).get(kind) for kind in ("test", "train"))
    if held_out:
        quality |= {"psnr": held_out["psnr"], "ssim": held_out["ssim"], "held_out_photos": len(held_out["photos"])}
    if seen:
        quality["training_psnr"] = seen["psnr"]
    return quality


def _export(
    room: _Run,
    decoded: dict[str, Any],
    scene: dict[str, Any],
    model: dict[str, Any],
    planned: Plan,
    gpus: Sequence[dict[str, Any]],
) -> Result:
    """The splat in artifacts/, and the account of how it came to be."""
    artifacts = room.workspace / "artifacts"
    artifacts.mkdir(exist_ok=True)
    ply = artifacts / "splat.ply"
    os.link(room.workspace / model["ply"], ply)  # one file in both places: what else is made of it comes later
    index = {photo["name"]: photo["index"] for photo in decoded["photos"]}
    unregistered = [
        {"index": index.get(photo["name"]), "name": photo["name"], "reason": photo["reason"]}
        for photo in scene["rejected"]
    ]
    return Result(
        ply=ply,
        gaussians=model["gaussians"],
        photos={
            "given": len(decoded["photos"]) + len(decoded["rejected"]),
            "used": len(decoded["photos"]),
            "registered": scene["registered"],
            "rejected": [*decoded["rejected"], *unregistered],
        },
        quality=_quality(model) | {"reprojection_error_px": round(scene["reprojection_error_px"], 3)},
        schedule=planned.schedule,
        iterations=planned.iterations,
        device=gpus[0]["name"] if gpus and model.get("device") != "cpu" else "cpu",
        timings=room.timings,
        peak_memory_bytes=room.peaks,
    )
