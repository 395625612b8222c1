"""Bundle adjustment of many photos: a step and a whole adjustment, on one processor, on some, on all, and on a GPU.

    python bench/adjustment.py                         50, 100, 200, 300 and 500 photos
    python bench/adjustment.py 300 --tracks 3 24       points that 3 to 24 photos see
    python bench/adjustment.py 100 --own-lenses        each photo has a lens of its own

Photos on a ring, from three heights, show made-up points around its middle; each shows about a thousand, and a point is
seen by so many photos that follow each other. Poses, lens and points are off by a little, pixels by half of one. A step
is a third of what three take more than none. A whole adjustment is one as at the end of the mapper: Huber's loss, to
1e-5. Whether everybody came to the same bytes stands in the last column. Without a GPU its columns are empty.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

import numpy as np
from support.adjustments import disturbed, matrices, projected, quaternion, scene

from splatworker.machine.limits import available_cpus
from splatworker.sfm import adjustment, sift
from splatworker.sfm.adjustment import Adjusted, Problem

PHOTOS = (50, 100, 200, 300, 500)
SEEN = 1000
"""Points that a photo shows, about."""

HEIGHTS = ((3.0, -1.5), (2.6, -0.8), (3.4, -2.4))
"""Radius and height of each circle of photos."""

Solve = Callable[..., Adjusted]


def main() -> int:
    arguments = parse()
    all_of_them = available_cpus()
    counts = sorted({1, min(6, all_of_them), all_of_them})
    solvers: dict[str, Solve] = {
        f"{threads} threads": lambda problem, threads=threads, **how: adjustment.adjust(problem, threads=threads, **how)
        for threads in counts
    }
    if sift.has_gpu_kernel():
        solvers["GPU"] = adjustment.adjust_on_gpu
        adjustment.adjust_on_gpu(problem_of(8, (3, 6), own_lenses=False))  # its first one takes longer
    print(
        f"{all_of_them} processors, compute capability {adjustment.gpu_architecture()}"
        if "GPU" in solvers
        else "no GPU"
    )
    print("| photos | observations | unknowns |" + "".join(f" {name}: ms a step, s |" for name in solvers) + " bytes |")
    print("|" + "---|" * (4 + len(solvers)))
    for photos in arguments.photos:
        problem = problem_of(photos, tuple(arguments.tracks), own_lenses=arguments.own_lenses)
        row, ends = "", []
        for name, solve in solvers.items():
            step, _ = step_of(problem, solve)
            whole, found = (0.0, None) if name == "1 threads" and photos > 100 else timed(problem, solve, 100, 1e-5)
            ends += [found] if found else []
            row += f" {1000 * step:.1f}, {whole:.3f} |" if found else f" {1000 * step:.1f}, - |"
        steps = {found.iterations for found in ends}
        are_equal = all(bytes_of(found) == bytes_of(ends[0]) for found in ends)
        print(
            f"| {photos} | {ends[0].used} | {problem.unknowns} |{row} {'equal' if are_equal else 'DIFFERENT'} after "
            f"{'/'.join(map(str, sorted(steps)))} steps |",
            flush=True,
        )
    return 0


def step_of(problem: Problem, solve: Solve) -> tuple[float, Adjusted]:
    """Seconds of a step, the least of two, and what three come to."""
    best = np.inf
    for _ in range(2):
        none, _ = timed(problem, solve, 0, 0.0)
        three, found = timed(problem, solve, 3, 0.0)
        best = min(best, (three - none) / 3)
    return best, found


def timed(problem: Problem, solve: Solve, steps: int, tolerance: float) -> tuple[float, Adjusted]:
    """(seconds, result)."""
    start = time.perf_counter()
    found = solve(problem, loss="huber", most_iterations=steps, tolerance=tolerance)
    return time.perf_counter() - start, found


def bytes_of(found: Adjusted) -> bytes:
    """All that an adjustment has found."""
    return b"".join(array.tobytes() for array in (found.poses, found.parameters, found.points, np.array([found.cost])))


def problem_of(photos: int, tracks: tuple[int, int], *, own_lenses: bool) -> Problem:
    """So many photos, and points that are seen by `tracks`, from and to, of them."""
    rng = np.random.default_rng(photos)
    poses = np.zeros((photos, 7))
    for number in range(photos):
        radius, height = HEIGHTS[number % len(HEIGHTS)]
        angle = 2 * np.pi * number / photos
        center = np.array([radius * np.sin(angle), height, -radius * np.cos(angle)])
        z = -center / np.linalg.norm(center)
        x = np.cross([0.0, 1.0, 0.0], z)
        x /= np.linalg.norm(x)
        rotation = np.array([x, np.cross(z, x), z])
        poses[number] = [*quaternion(rotation), *(-rotation @ center)]
    shortest, longest = tracks
    count = 2 * SEEN * photos // (shortest + longest)
    length = rng.integers(shortest, longest + 1, count)
    first = rng.integers(0, photos, count)
    point = np.repeat(np.arange(count), length)
    photo = (np.repeat(first, length) + np.arange(len(point)) - np.repeat(np.cumsum(length) - length, length)) % photos
    once = np.unique(np.stack([point, photo]), axis=1)
    lenses = photos if own_lenses else 1
    base = scene(photos, 3, (2,) * lenses)
    points = rng.uniform(-0.7, 0.7, (count, 3))
    exact = Problem(
        poses=poses,
        parameters=base.parameters,
        points=points,
        model=base.model,
        free_lens=base.free_lens,
        lens_of=base.lens_of,
        free_pose=base.free_pose,
        photo=once[1].astype(np.int32),
        point=once[0].astype(np.int32),
        seen=np.zeros((once.shape[1], 2)),
    )
    depths = np.einsum("nj,nj->n", matrices(poses)[exact.photo][:, 2], points[exact.point]) + poses[exact.photo, 6]
    assert depths.min() > 0.5
    seen = projected(exact)
    noisy = Problem(**{**vars(exact), "seen": seen + rng.normal(0, 0.5, seen.shape)})
    return disturbed(noisy, 0.002)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=int, nargs="*", default=PHOTOS)
    parser.add_argument("--tracks", type=int, nargs=2, default=(3, 10), metavar=("FROM", "TO"))
    parser.add_argument("--own-lenses", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
