"""The calls of the stages that make a splat: what each waits for, what it is called with, what is kept of its result.

Each is a coroutine that is called when the job starts; their order and what overlaps what is `run`'s.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from splatworker.contract.job import Recipe
from splatworker.errors import GpuFailed, SplatError
from splatworker.machine.limits import available_cpus
from splatworker.photos.enough_photos import demand_enough, name_of
from splatworker.pipeline import photo_sizes, trainers
from splatworker.pipeline.deadlines import stage_deadline
from splatworker.pipeline.records import Arrival, Photos
from splatworker.pipeline.training_plan import Plan, is_preview, plan
from splatworker.stages.crash_cause import explain_crash
from splatworker.stages.file_names import left_out
from splatworker.stages.process import StageRunner
from splatworker.stages.progress import Overall, Silent
from splatworker.stages.workspace import check_room, size_of

PROBE_SECONDS = 30.0
TRAINING_DISK = 256 * 2**20
"""Bytes that a model folder may need."""


@dataclass
class JobRun:
    """One job under way: what its stages have in common, and what there is to say about them so far."""

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


class TrainingInput(NamedTuple):
    """What the training is planned by: (width, height) of photos with a camera, and their overlap."""

    sizes: list[tuple[int, int]]
    overlap: float | None


async def probe(job: JobRun) -> list[dict[str, Any]]:
    """The GPUs that the trainer can use; none where the driver does not answer.

    Raises:
        GpuFailed: there is none, and the machine is one that should have one.
    """
    try:
        found = await job.runner.run("probe", report=Silent(), deadline=time.monotonic() + PROBE_SECONDS)
    except SplatError as error:
        if job.gpu_required:
            raise _gpu_is_gone(error.message) from None
        job.report.warning(f"The GPU does not answer, so the CPU is used: {error.message}")
        return []
    gpus: list[dict[str, Any]] = found["gpus"]
    if job.gpu_required and not gpus:
        raise _gpu_is_gone(f"{found['reason'][:1].upper()}{found['reason'][1:]}.")
    if found.get("code", "") not in ("", "no_driver", "no_gpu"):  # there is one, and it cannot be used
        job.report.warning(f"The CPU is used, because {found['reason']}.")
    if gpus and job.recipe.trainer == "native" and not found["kernels"]:
        job.report.warning("This installation has no kernels for the machine's GPU: the CPU is used.")
        return []
    return gpus


def _gpu_is_gone(reason: str) -> GpuFailed:
    return GpuFailed(f"This worker has lost its GPU. {reason}", hint="Send the job again.", stage="train")


async def decode(
    job: JobRun, photos: Arrival, probing: asyncio.Task[list[dict[str, Any]]], here: asyncio.Future[Photos]
) -> dict[str, Any]:
    """Clean photos in images/, as they arrive. The stage's result, with indices of the job."""
    preview = is_preview(job.recipe, gpu=bool(await asyncio.shield(probing)))
    check_room(job.workspace, "photos", 0)
    started = 0.0

    async def all_arrived() -> None:
        nonlocal started
        arrived = await asyncio.shield(here)
        check_room(job.workspace, "photos", 2 * size_of(arrived.folder))
        started = time.monotonic()

    decoded = await job.runner.run(
        "photos",
        [
            *(photos.folder, "-o", job.workspace / "images", "--follow", *_masks(job.recipe, photos.masks)),
            *("--max-size", str(photo_sizes.decoded(job.recipe, preview=preview)), "--jobs", str(available_cpus())),
        ],
        report=job.report.stage("photos"),
        deadline=stage_deadline("photos", job.runner.deadline),
        request=all_arrived,
    )
    arrived = here.result()
    if arrived.seconds is not None:
        job.timings["fetch"] = arrived.seconds
    if arrived.video_seconds is not None:
        job.timings["frames"] = arrived.video_seconds
    job.note("photos", started, decoded)
    for photo in decoded["photos"]:
        photo["index"] = arrived.index.get(photo["file"], photo["index"])
    for photo in decoded["rejected"]:
        photo["index"] = arrived.index.get(photo["name"], photo["index"])
    decoded["rejected"] = sorted([*arrived.lost, *decoded["rejected"]], key=lambda photo: int(photo["index"]))
    job.rejected = decoded["rejected"]
    for warning in left_out((name_of(photo), photo["reason"]) for photo in decoded["rejected"]):
        job.report.warning(warning)
    demand_enough(len(decoded["photos"]), decoded["rejected"])
    asked = {"mask_mode": job.recipe.mask_mode != "auto", "invert_masks": job.recipe.invert_masks}
    if any(asked.values()) and not any("masked" in photo for photo in decoded["photos"]):
        names = ", ".join(name for name, is_asked in asked.items() if is_asked)
        job.report.warning(f"Nothing of the photos is masked or transparent, so this has no effect: {names}.")
    ignored = sum("ignore" in photo.get("masked", ()) for photo in decoded["photos"])
    if ignored and job.recipe.trainer == "inria":
        job.report.warning(f"The original trainer knows no masks: it learns what those of {ignored} photos hide, too.")
    return decoded


def _masks(recipe: Recipe, folder: Path | None) -> list[str | Path]:
    """What the stage has to know of masks; nothing where nothing was said of them."""
    words: list[str | Path] = [] if folder is None else ["--masks", folder]
    if recipe.mask_mode != "auto":
        words += ["--mask-mode", recipe.mask_mode]
    return [*words, "--invert-masks"] if recipe.invert_masks else words


async def reconstruct(
    job: JobRun, probing: asyncio.Task[list[dict[str, Any]]], clean: asyncio.Future[dict[str, Any]]
) -> dict[str, Any]:
    """Cameras and undistorted photos in scene/. The stage's result.

    Called when the job starts: features of photos that are here are found while others still arrive.
    """
    preview = is_preview(job.recipe, gpu=bool(await asyncio.shield(probing)))
    check_room(job.workspace, "sfm", 0)
    images = job.workspace / "images"
    options = job.recipe.sfm.arguments()
    photos = (await asyncio.shield(clean))["photos"] if photo_sizes.is_a_part(job.recipe) else ()
    size = photo_sizes.undistorted(job.recipe, photos, preview=preview)
    if size is not None:
        options += ["--undistort-max-size", str(size)]
    started = 0.0

    async def all_arrived() -> None:
        nonlocal started
        await asyncio.shield(clean)
        check_room(job.workspace, "sfm", 4 * size_of(images))
        started = time.monotonic()

    with explain_crash("sfm"):
        scene = await job.runner.run(
            "sfm",
            [images, "-o", job.workspace / "scene", "--follow", *options],
            report=job.report.stage("sfm"),
            deadline=stage_deadline("sfm", job.runner.deadline),
            request=all_arrived,
        )
    job.note("sfm", started, scene)
    return scene


async def train(
    job: JobRun,
    probing: asyncio.Task[list[dict[str, Any]]],
    scene_is_there: asyncio.Future[TrainingInput],
) -> tuple[dict[str, Any], Plan]:
    """The trainer's model folder. The stage's result, and what was planned.

    Called when the job starts: on a GPU the trainer's process warms up while photos arrive and COLMAP runs.
    """
    gpus = await asyncio.shield(probing)
    preview = is_preview(job.recipe, gpu=bool(gpus))
    started = 0.0
    planned: list[Plan] = []

    async def values() -> dict[str, Any]:
        nonlocal started
        found = await asyncio.shield(scene_is_there)  # which others wait for, too
        check_room(job.workspace, "train", TRAINING_DISK)
        if gpus:
            job.on_training()
        started = time.monotonic()
        planned.append(
            plan(job.recipe, found.sizes, overlap=found.overlap, gpu=bool(gpus), keeps_model=job.keeps_model)
        )
        for remark in planned[0].remarks:
            job.report.warning(remark)
        return planned[0].values

    model = await trainers.train(
        job.recipe.trainer,
        job.workspace / "scene",
        job.workspace / "model",
        values,
        warm=bool(gpus),
        runner=job.runner,
        report=job.report.stage("train"),
        deadline=stage_deadline("train", job.runner.deadline),
    )
    job.note("train", started, model)
    if "peak_memory_bytes" in model and gpus:
        job.peaks["gpu"] = int(model["peak_memory_bytes"])
    return model | {"preview": preview}, planned[0]


OBJECT_FOLDER = "object"
"""Of the workspace: what the stage of that name writes."""


async def cut_out(job: JobRun, *, on_cpu: bool) -> dict[str, Any] | None:
    """The object of the trained scene in object/; None where it is not asked for.

    Whatever goes wrong with it is a warning: there is a splat of the scene, and that is delivered.
    """
    if job.recipe.subject != "object":
        if job.recipe.segmentation:
            job.report.warning("The scene is delivered, not an object, so this has no effect: segmentation.")
        return None
    started = time.monotonic()
    folders: list[str | Path] = [
        job.workspace / "model",
        "-s",
        job.workspace / "scene",
        "-o",
        job.workspace / OBJECT_FOLDER,
    ]
    try:
        check_room(job.workspace, "object", size_of(job.workspace / "model"))
        cut = await job.runner.run(
            "object",
            [
                *folders,
                *(["--segmentation"] if job.recipe.segmentation else []),
                *(["--device", "cpu"] if on_cpu else []),
            ],
            report=job.report.stage("object"),
            deadline=stage_deadline("object", job.runner.deadline),
        )
    except SplatError as error:
        job.report.warning(f"{error.message} The whole scene is delivered.")
        return {"delivered": "scene", "code": error.code, "reason": error.message}
    job.note("object", started, cut)
    return {"delivered": "object", **cut}
