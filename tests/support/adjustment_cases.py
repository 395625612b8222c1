"""Problems of bundle adjustment that a GPU and processors are to solve alike, and what tells where they did not."""

from __future__ import annotations

import dataclasses
import functools
from typing import Any

import numpy as np
from support.adjustments import disturbed, projected, scene

from splatworker.sfm.adjustment import Adjusted, Problem, adjust, adjust_on_gpu


def seen_twice(problem: Problem) -> Problem:
    """The same, but that every seventh observation is there twice, the second half a pixel off."""
    twice = np.arange(0, len(problem.photo), 7)
    return dataclasses.replace(
        problem,
        photo=np.concatenate([problem.photo, problem.photo[twice]]),
        point=np.concatenate([problem.point, problem.point[twice]]),
        seen=np.concatenate([problem.seen, problem.seen[twice] + 0.5]),
    )


def partly_held() -> Problem:
    """Points, lenses and most photos that stay."""
    problem = disturbed(scene(12, 90, (4, 2), noise=0.5), 0.005)
    held_point, free_pose, free_lens = np.zeros(90, np.uint8), problem.free_pose.copy(), problem.free_lens.copy()
    held_point[::3], free_pose[::2], free_lens[1] = 1, 0, 0
    return dataclasses.replace(problem, held_point=held_point, free_pose=free_pose, free_lens=free_lens)


def from_one_spot() -> Problem:
    """No depth can be told, and steps fail."""
    rng = np.random.default_rng(2)
    poses = np.column_stack([rng.normal(0, 0.05, (5, 3)), np.ones(5), np.zeros((5, 3))])
    poses[:, :4] /= np.linalg.norm(poses[:, :4], axis=1, keepdims=True)
    points = rng.uniform([-1, -1, 3], [1, 1, 6], (40, 3))
    flat = dataclasses.replace(scene(5, 40, (2,), seen=1.1), poses=poses, points=points)
    return dataclasses.replace(flat, seen=projected(flat) + rng.normal(0, 0.3, flat.seen.shape))


def far_off() -> Problem:
    """So far from any minimum that steps lead points behind cameras, and are not taken."""
    return disturbed(scene(9, 60, (3, 2), noise=0.5), 0.4)


def unsolvable() -> Problem:
    """A lens so long that the system's numbers are too large to be told from infinite: no step can be solved for."""
    problem = disturbed(scene(6, 40, (2,), noise=0.4, seen=1.1), 0.003)
    parameters = problem.parameters.copy()
    parameters[0, 0] *= 1e149
    return dataclasses.replace(problem, parameters=parameters)


def few_of_many_lonely() -> Problem:
    """A photo, a lens and a point that nothing is known of; points that one photo alone sees."""
    problem = disturbed(scene(7, 50, (2, 4), noise=0.3, seen=0.3), 0.003)
    kept = (problem.lens_of[problem.photo] == 0) & (problem.photo != 2) & (problem.point != 3)
    return dataclasses.replace(problem, photo=problem.photo[kept], point=problem.point[kept], seen=problem.seen[kept])


def points_alone() -> Problem:
    problem = scene(14, 300, noise=0.4)
    moved = problem.points + np.random.default_rng(0).normal(0, 0.05, problem.points.shape)
    return dataclasses.replace(
        problem,
        points=moved,
        free_pose=np.zeros_like(problem.free_pose),
        free_lens=np.zeros_like(problem.free_lens),
    )


@functools.cache
def small_cases() -> dict[str, tuple[Problem, dict[str, Any]]]:
    """Name -> a problem, and how it is to be adjusted."""
    cases: dict[str, tuple[Problem, dict[str, Any]]] = {
        f"lens {model}, {loss}": (
            disturbed(scene(8, 60, (model,), noise=0.5), 0.01),
            {"loss": loss, "most_iterations": 12},
        )
        for model, loss in [(0, "plain"), (1, "huber"), (2, "huber"), (3, "soft_l1"), (4, "geman_mcclure")]
    }
    return cases | {
        "no step": (scene(4, 30, noise=0.4), {"most_iterations": 0}),
        "two photos": (disturbed(scene(2, 20, seen=1.1, noise=0.3), 0.003), {}),
        "one panel and a bit": (disturbed(scene(12, 80, (2,), noise=0.4), 0.01), {"loss": "huber"}),
        "several panels, each photo its own lens": (
            disturbed(scene(26, 60, tuple([2, 4, 3, 1] * 6 + [2, 0]), noise=0.4), 0.005),
            {"loss": "huber", "most_iterations": 4},
        ),
        "many panels": (
            disturbed(scene(60, 40, (2,), noise=0.4, seen=0.3), 0.003),
            {"loss": "huber", "most_iterations": 2},
        ),
        "chunks of points": (disturbed(scene(5, 600, (2, 3), noise=0.4, seen=0.6), 0.005), {"most_iterations": 5}),
        "chunks of lenses": (
            seen_twice(disturbed(scene(3, 1500, (2, 4, 3), noise=0.4, seen=1.1), 0.003)),
            {"most_iterations": 2},
        ),
        "chunks of a lens": (disturbed(scene(3, 1100, (2,), noise=0.4, seen=1.1), 0.003), {"most_iterations": 2}),
        "a photo sees a point twice": (seen_twice(disturbed(scene(6, 50, (2, 3), noise=0.3), 0.005)), {}),
        "partly held": (partly_held(), {}),
        "from one spot": (from_one_spot(), {"most_iterations": 12}),
        "far off": (far_off(), {}),
        "unsolvable": (unsolvable(), {}),
        "lonely": (few_of_many_lonely(), {}),
        "points alone": (points_alone(), {"loss": "huber", "most_iterations": 3}),
    }


@functools.cache
def large_cases() -> dict[str, tuple[Problem, dict[str, Any]]]:
    """For a GPU that is one; `LARGE` has their names."""
    return {
        "ring of 60": (disturbed(scene(60, 4000, (2,), noise=0.5, seen=0.4), 0.003), {"loss": "huber"}),
        "every photo its own lens": (
            disturbed(scene(90, 1500, tuple([2, 3, 4] * 30), noise=0.5, seen=0.5), 0.002),
            {"loss": "huber", "most_iterations": 6},
        ),
        "as many as there may be": (
            disturbed(scene(510, 800, (4,), noise=0.5, seen=0.2), 0.001),
            {"loss": "huber", "most_iterations": 3},
        ),
        "nothing moves but points": (points_alone(), {"most_iterations": 3}),
    }


LARGE = ("ring of 60", "every photo its own lens", "as many as there may be", "nothing moves but points")


def differences(one: Adjusted, other: Adjusted) -> list[str]:
    """What differs in any bit, with the first place and both values."""
    found = []
    for field in dataclasses.fields(Adjusted):
        a, b = np.asarray(getattr(one, field.name)), np.asarray(getattr(other, field.name))
        if a.tobytes() == b.tobytes():
            continue
        differ = np.flatnonzero(a.reshape(-1).view(np.uint64) != b.reshape(-1).view(np.uint64)) if a.ndim else [0]
        first = int(differ[0])
        found.append(
            f"{field.name}: {len(differ)} of {a.size} differ, first at {first}: {a.flat[first]!r}, {b.flat[first]!r}"
        )
    return found


def demand_the_same_on_a_gpu(problem: Problem, how: dict[str, Any]) -> Adjusted:
    """What both make of it; fails where they differ, and says after which step they first do."""
    by_processors, by_gpu = adjust(problem, **how), adjust_on_gpu(problem, **how)
    if wrong := differences(by_processors, by_gpu):
        for steps in range(by_processors.iterations + 1):
            few = how | {"most_iterations": steps}
            if at_first := differences(adjust(problem, **few), adjust_on_gpu(problem, **few)):
                wrong = [f"after {steps} steps", *at_first]
                break
        raise AssertionError("; ".join(wrong))
    return by_processors
