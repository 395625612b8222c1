"""Databases of matches of scenes that are known, wrong ones among them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from splatworker.sfm import database, matching
from splatworker.sfm.adjustment import Problem
from splatworker.sfm.cameras import CameraGroup
from splatworker.sfm.colmap import pycolmap
from splatworker.sfm.options import SfmOptions
from splatworker.sfm.photo import PhotoHeader
from splatworker.sfm.watch import Span
from splatworker.sfm.workbench import Workbench
from splatworker.stages.progress import Silent

SPAN = Span(Silent(), "", 0.0, 1.0)


def bench_of(folder: Path, *problems: Problem, wrong: float = 0.1, told: bool = True) -> Workbench:
    """A bench whose database has the matches of these scenes, no two of which have anything in common.

    A share of every pair's matches is wrong; the focal length is told 5 % too long, or guessed 37 % too long. Photos of
    one lens share a camera.
    """
    bench = Workbench(folder, folder / "photos", SfmOptions(device="cpu"), 1)
    count = sum(len(problem.poses) for problem in problems)
    photos = tuple(PhotoHeader(f"{number}.jpg", 640, 480) for number in range(count))
    lens_of = np.concatenate([problem.lens_of for problem in problems])
    groups = [
        CameraGroup(tuple(photos[photo] for photo in np.flatnonzero(lens_of == lens)), 588.0 if told else 768.0, told)
        for lens in range(lens_of.max() + 1)
    ]
    database.create(bench.database, photos, groups, "auto")
    rng = np.random.default_rng(3)
    before = 0
    with pycolmap.Database.open(bench.database) as opened:
        for problem in problems:
            of_photo = [np.flatnonzero(problem.photo == photo) for photo in range(len(problem.poses))]
            for photo, rows in enumerate(of_photo):
                opened.write_keypoints(before + photo + 1, problem.seen[rows].astype(np.float32))
            for first, rows in enumerate(of_photo):
                for second in range(first + 1, len(of_photo)):
                    _, ours, theirs = np.intersect1d(
                        problem.point[rows], problem.point[of_photo[second]], return_indices=True
                    )
                    mixed = rng.random(len(theirs)) < wrong
                    theirs[mixed] = rng.permutation(theirs[mixed])
                    matches = np.column_stack([ours, theirs]).astype(np.uint32)
                    opened.write_matches(before + first + 1, before + second + 1, matches)
            before += len(problem.poses)
    matching.verify(bench, bench.database, SPAN, strict=False)
    return bench
