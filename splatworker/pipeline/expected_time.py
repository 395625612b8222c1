"""How long a job of common photos takes on a machine, from two measurements of a few seconds.

What is told is "about": photos differ by more than machines do. Where the numbers come from is in docs/benchmarks.md,
"What doctor expects".
"""

from __future__ import annotations

from dataclasses import dataclass

from splatworker.contract.job import Recipe, recipe
from splatworker.pipeline import photo_sizes
from splatworker.pipeline.cpu_time import PHASES, SECONDS_A_GAUSSIAN, SECONDS_A_PIXEL, training_seconds, with_teachers
from splatworker.pipeline.training_plan import plan

PHOTOS = 50
"""Of the job that is spoken of, each of 1600x1067 pixels."""

SIZE = (1600, 1067)

FEATURES_ALONE, FEATURES_SHARED = 6.0, 30.0
"""The time to find the cameras of that many photos, in times that COLMAP's SIFT takes a processor for one photo, which
says how fast a machine is: what one processor has to do alone, and what all share."""

TIMED_GAUSSIANS = 100_000
"""On which a step is timed (`commands.checks.time_training`), before a photo of `SIZE`: of a common scene,
in the middle of its training."""


@dataclass(frozen=True)
class Expected:
    """Seconds of a job's two long stages.

    Attributes:
        cameras: to find the cameras.
        training: to train, at most about so long on a GPU.
        preview: a preview is trained, for want of a GPU.
    """

    cameras: float
    training: float
    preview: bool


def expected(features_s: float, step_s: float, cores: int, *, gpu: bool) -> Expected:
    """A job's times.

    Args:
        features_s: seconds of one processor for a photo's features (`commands.checks.time_features`).
        step_s: seconds of a training step (`commands.checks.time_training`).
        cores: processors that a job may use.
    """
    cameras = features_s * (FEATURES_ALONE + FEATURES_SHARED / cores)
    usual = recipe({"params": {}})
    return Expected(cameras, _training(usual, step_s, cores, gpu=gpu), preview=not gpu)


def _training(usual: Recipe, step_s: float, cores: int, *, gpu: bool) -> float:
    values = plan(usual, [SIZE] * PHOTOS, gpu=gpu).values
    pixels = photo_sizes.trained_pixels(usual, [SIZE], preview=not gpu)
    if not gpu:
        # What this machine took for a step, against the machine that the prices are of.
        price = (TIMED_GAUSSIANS * SECONDS_A_GAUSSIAN + SIZE[0] * SIZE[1] * SECONDS_A_PIXEL) / cores
        return training_seconds(values, pixels, cores) * step_s / price
    coarse: int = min(values["coarse_iterations"], values["iterations"])
    steps: tuple[int, ...] = (coarse // 2, coarse - coarse // 2, values["iterations"] - coarse)
    own = step_s * sum(count * max(share, part) for count, (share, part) in zip(steps, PHASES, strict=True))
    return with_teachers(own, values)
