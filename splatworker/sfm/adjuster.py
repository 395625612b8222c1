"""Who adjusts: a GPU where that pays, else processors. The bytes are the same.

A step on a GPU is tens of kernels that wait for each other, and its sums have the order that they have on processors:
of few photos there is nothing to gain. Of many a step takes a fraction of the time (docs/cameras.md).
"""

from __future__ import annotations

from functools import partial

from splatworker.sfm import adjustment
from splatworker.sfm.accelerator import NONE, Accelerator

WHOLE_RATE = (80, 90, 100)
"""Compute capabilities, times ten, of GPUs that have a unit for doubles for every two of floats, as in data centres;
others have one for 32 or 64 and are not asked, as none was measured."""

LEAST_PHOTOS = 50
"""The fewest that were measured: an H200 adjusted them in two thirds of the time of 16 processors, both in hundredths
of a second (`python bench/adjustment.py 50`)."""


def why_not_on_gpu(problem: adjustment.Problem, loss: adjustment.Loss = "plain") -> str:
    """Why a problem is left to processors on every machine, a clause; empty where it is not."""
    if any(int(model) in adjustment.FISHEYES for model in problem.model):
        return "a fisheye's arc tangent is the C library's"
    if loss == "cauchy":
        return "the loss's logarithm is the C library's"
    if not problem.free_pose.any() and not problem.free_lens.any():
        return "points move by themselves, which takes no time"
    if len(problem.poses) < LEAST_PHOTOS:
        return f"{len(problem.poses)} photos are few"
    return ""


def adjust(
    problem: adjustment.Problem,
    *,
    loss: adjustment.Loss = "plain",
    scale: float = 1.0,
    most_iterations: int = 100,
    tolerance: float = 1e-7,
    threads: int = 1,
    accelerator: Accelerator = NONE,
) -> adjustment.Adjusted:
    """`adjustment.adjust`, by the accelerator where there is one for which the problem is.

    Raises:
        ValueError: as there.
    """
    how = partial(_by_gpu, problem, loss, scale, most_iterations, tolerance)
    is_for_gpu = accelerator.is_ready and not why_not_on_gpu(problem, loss)
    found = accelerator.work("adjustment", how) if is_for_gpu and adjustment.gpu_architecture() in WHOLE_RATE else None
    return found or adjustment.adjust(
        problem, loss=loss, scale=scale, most_iterations=most_iterations, tolerance=tolerance, threads=threads
    )


def _by_gpu(
    problem: adjustment.Problem, loss: adjustment.Loss, scale: float, most_iterations: int, tolerance: float
) -> adjustment.Adjusted:
    return adjustment.adjust_on_gpu(
        problem, loss=loss, scale=scale, most_iterations=most_iterations, tolerance=tolerance
    )
