"""What a caller may ask for: a job that costs an hour of GPU must be asked for by whoever pays the worker."""

from __future__ import annotations

from splatworker.contract.job import Job
from splatworker.errors import InvalidJob, InvalidParam
from splatworker.machine import operator_limits
from splatworker.photos.enough_photos import MOST_PHOTOS

FEATURES = 8192
"""Features of a photo where the job does not say."""

NEIGHBOURS = 50
"""Photos that each is compared with, about, where not every one is with every other."""


FRAMES = 200
"""Frames of a video, at most, where the job does not say."""


def check_costs(job: Job) -> None:
    """Refuse what takes too long, by the limits of the environment.

    Raises:
        InvalidParam, InvalidJob: the param or field at fault, and the variable that allows more.
    """
    most_photos = operator_limits.whole("SPLATWORKER_MOST_PHOTOS")
    if len(job.image_urls) > most_photos:
        raise InvalidJob(
            f"The job has {len(job.image_urls)} photos, and this worker takes {most_photos} at most.",
            hint=_allowing("SPLATWORKER_MOST_PHOTOS"),
        )
    if job.videos and (job.video.frames or 0) > most_photos:
        raise InvalidJob(
            f"The field 'video.frames' is {job.video.frames}, and this worker takes {most_photos} photos at most.",
            hint=_allowing("SPLATWORKER_MOST_PHOTOS"),
        )
    for name, variable in (
        ("iterations", "SPLATWORKER_MOST_ITERATIONS"),
        ("max_gaussians", "SPLATWORKER_MOST_GAUSSIANS"),
    ):
        asked, most = getattr(job.params, name), operator_limits.whole(variable)
        if asked > most:
            raise InvalidParam(
                f"The param '{name}' is {asked}, and this worker takes {most} at most.", hint=_allowing(variable)
            )
    if comparisons(job) > operator_limits.value("SPLATWORKER_MOST_COMPARISONS"):
        raise InvalidJob(
            f"The fields 'sfm.max_num_features' and 'sfm.matcher' ask for {comparisons(job):.1g} comparisons of "
            f"features, and this worker makes {operator_limits.value('SPLATWORKER_MOST_COMPARISONS'):.1g} at most.",
            hint=f"Fewer features or photos, or another matcher. {_allowing('SPLATWORKER_MOST_COMPARISONS')}",
        )


def photos_of(job: Job) -> int:
    """Photos that the reconstruction gets at most: what is given, and frames of videos."""
    each = job.video.frames or (MOST_PHOTOS if job.video.fps else FRAMES)
    return min(MOST_PHOTOS, len(job.image_urls) + each * len(job.videos))


def comparisons(job: Job) -> float:
    """Pairs of features that the reconstruction compares, about."""
    photos = photos_of(job)
    partners = photos - 1 if job.sfm.matcher == "exhaustive" else min(photos - 1, NEIGHBOURS)
    return photos * partners / 2 * float(job.sfm.max_num_features or FEATURES) ** 2


def _allowing(variable: str) -> str:
    return f"Whoever runs the worker can allow more with {variable}."
