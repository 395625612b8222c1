"""Matching: features that two photos share, and the two-view geometry that holds them together."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from splatworker.sfm import database, nearest
from splatworker.sfm.colmap import pycolmap
from splatworker.sfm.options import SfmOptions
from splatworker.sfm.pairs import Pair
from splatworker.sfm.watch import Cancellation, Span, watch
from splatworker.sfm.workbench import Workbench

_TRIALS = 3000
"""RANSAC gives up after so many trials, and ends as soon as it is right with COLMAP's 99.9 %. COLMAP goes on to three
times that many, and to 10 000: three times the seconds for the same pairs and the same matches."""

_BLOCK = 200
"""Pairs whose matches are written together: few, so that the database tells how far the matching is."""


def match(bench: Workbench, pairs: Sequence[Pair], span: Span, *, guided: bool = False, gpu: bool = False) -> None:
    """Match the pairs of images, maybe on a GPU, and verify them; `guided` looks again along the epipolar lines."""
    if not pairs:
        return
    most = max(database.keypoint_counts(bench.database).values())
    by_colmap = bench.options.engine == "colmap" or guided or gpu
    if by_colmap or not nearest.has_kernel() or most > nearest.MOST:
        match_by_colmap(bench, pairs, span, guided=guided, gpu=gpu)
        return
    half = (span.start + span.end) / 2
    match_by_kernel(bench, pairs, dataclasses.replace(span, end=half))
    verify(bench, bench.database, dataclasses.replace(span, start=half), strict=False)


def match_by_kernel(bench: Workbench, pairs: Sequence[Pair], span: Span) -> None:
    """Write the matches of all pairs, not yet verified."""
    with pycolmap.Database.open(bench.database) as opened:
        images = sorted({image_id for pair in pairs for image_id in pair})
        descriptors = {image_id: np.ascontiguousarray(opened.read_descriptors(image_id).data) for image_id in images}
        with ThreadPoolExecutor(bench.threads) as pool, pycolmap.DatabaseTransaction(opened):
            jobs = [pool.submit(_nearest_of, descriptors[a], descriptors[b], bench.cancellation) for a, b in pairs]
            for done, ((first, second), job) in enumerate(zip(pairs, jobs, strict=True), 1):
                opened.write_matches(first, second, job.result())
                span.report(done, len(pairs))


def _nearest_of(first: nearest.Descriptors, second: nearest.Descriptors, cancellation: Cancellation) -> nearest.Matches:
    cancellation.check()
    return nearest.match(first, second)


def match_by_colmap(bench: Workbench, pairs: Sequence[Pair], span: Span, *, guided: bool, gpu: bool) -> None:
    """Match and verify: on a GPU, guided, or without a kernel."""
    matching = pycolmap.FeatureMatchingOptions()
    matching.num_threads = bench.threads
    matching.use_gpu = gpu
    matching.guided_matching = guided
    pairing = pycolmap.ImportedPairingOptions()
    pairing.match_list_path = bench.folder / "pairs.txt"
    pairing.block_size = _BLOCK

    with pycolmap.Database.open(bench.database) as seen:
        names = {image.image_id: image.name for image in seen.read_all_images()}
        lines = (f"{names[first]} {names[second]}\n" for first, second in pairs)
        pairing.match_list_path.write_text("".join(lines))
        before = seen.num_matched_image_pairs()
        watch(
            lambda: pycolmap.match_image_pairs(
                bench.database,
                matching,
                pairing,
                verification(bench.options),
                device=pycolmap.Device.cuda if matching.use_gpu else pycolmap.Device.cpu,
                cancellation_token=bench.cancellation.token,
            ),
            lambda: span.report(seen.num_matched_image_pairs() - before, len(pairs)),
            bench.cancellation,
        )


def verification(options: SfmOptions, *, strict: bool = False) -> pycolmap.TwoViewGeometryOptions:
    """COLMAP's two-view verification with a fixed seed and fewer trials.

    `strict` is for global mapping: on default matches it misplaced cameras of fox by 44 to 67 degrees with nothing
    in its figures to show it; verified to 1 pixel, with 30 inliers and a quarter of the matches, at most by 0.4.
    """
    verify = pycolmap.TwoViewGeometryOptions()
    verify.ransac.random_seed = options.seed
    verify.ransac.max_num_trials = _TRIALS
    verify.ransac.dyn_num_trials_multiplier = 1.0
    if strict:
        verify.ransac.max_error = 1.0
        verify.min_num_inliers = 30
        verify.min_inlier_ratio = 0.25
    return verify


def verify_again(bench: Workbench, copy: Path, span: Span) -> None:
    """Replace the two-view geometries in a copy of the bench's database by strictly verified ones."""
    with pycolmap.Database.open(copy) as opened:
        opened.clear_two_view_geometries()
    verify(bench, copy, span, strict=True)


def verify(bench: Workbench, path: Path, span: Span, *, strict: bool) -> None:
    """Find the two-view geometry of every pair with matches in the database at `path`."""
    verifier = pycolmap.GeometricVerifierOptions()
    verifier.num_threads = bench.threads
    with pycolmap.Database.open(path) as opened:
        total = opened.num_matched_image_pairs()
        watch(
            lambda: pycolmap.geometric_verification(
                path,
                verifier,
                two_view_geometry_options=verification(bench.options, strict=strict),
                cancellation_token=bench.cancellation.token,
            ),
            lambda: span.report(opened.num_verified_image_pairs(), total),
            bench.cancellation,
        )
