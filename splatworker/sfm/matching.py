"""Matching: features that two photos share, and the two-view geometry that holds them together."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TypeVar

import numpy as np

from splatworker.sfm import database, nearest, two_view
from splatworker.sfm.colmap import pycolmap
from splatworker.sfm.options import SfmOptions
from splatworker.sfm.pairs import Pair
from splatworker.sfm.watch import Span, watch
from splatworker.sfm.workbench import Workbench

_TRIALS = 3000
"""RANSAC gives up after so many trials, and ends as soon as it is right with COLMAP's 99.9 %. COLMAP goes on to three
times that many, and to 10 000: three times the seconds for the same pairs and the same matches."""

_BLOCK = 200
"""Pairs whose matches are written together: few, so that the database tells how far the matching is."""

_PAIRS_A_TASK = 16
"""Pairs that a thread does at a time. Threads that had Python's lock for every single one waited most of the time."""

_PAIRS_FOR_GPU = 256
"""Pairs that a GPU matches at a time, while those before are verified; and so many a thread has it verify at most."""

_LEAST_FOR_GPU = 16
"""Fewer pairs at a time a processor verifies itself, in less than the 4 ms that a GPU takes, however few they are."""


def match(bench: Workbench, pairs: Sequence[Pair], span: Span, *, guided: bool = False, gpu: bool = False) -> None:
    """Match the pairs of images, maybe on a GPU, and verify them; `guided` looks again along the epipolar lines."""
    if not pairs:
        return
    most = max(database.keypoint_counts(bench.database).values())
    ours = bench.options.engine == "own" and not guided
    finds = ours and not gpu and nearest.has_kernel() and most <= nearest.MOST
    checks = ours and two_view.has_kernel()
    half = (span.start + span.end) / 2
    finding, checking = dataclasses.replace(span, end=half), dataclasses.replace(span, start=half)
    if finds and checks:
        match_by_kernels(bench, pairs, span)
    elif finds:
        match_by_kernel(bench, pairs, finding)
        verify(bench, bench.database, checking, strict=False)
    elif checks:
        match_by_colmap(bench, pairs, finding, guided=guided, gpu=gpu, verified=False)
        verify(bench, bench.database, checking, strict=False)
    else:
        match_by_colmap(bench, pairs, span, guided=guided, gpu=gpu)


def match_by_kernel(bench: Workbench, pairs: Sequence[Pair], span: Span) -> None:
    """Write the matches of all pairs, not yet verified."""
    with pycolmap.Database.open(bench.database) as opened:
        descriptors = _descriptors(opened, pairs)
        with ThreadPoolExecutor(bench.threads) as pool, pycolmap.DatabaseTransaction(opened):
            jobs = [pool.submit(matched) for _, matched in _each_matched(bench, descriptors, pairs)]
            for done, ((first, second), job) in enumerate(zip(pairs, jobs, strict=True), 1):
                opened.write_matches(first, second, job.result())
                span.report(done, len(pairs))


def match_by_kernels(bench: Workbench, pairs: Sequence[Pair], span: Span) -> None:
    """Write the matches of all pairs, and their geometries: a pair a task, written in the order of the pairs."""
    with pycolmap.Database.open(bench.database) as opened:
        descriptors, views = _descriptors(opened, pairs), _views(opened, pairs)

        def work(some: Sequence[tuple[Pair, Matched]]) -> list[tuple[Pair, nearest.Matches, pycolmap.TwoViewGeometry]]:
            matches = {pair: matched() for pair, matched in some}
            geometries = _geometries_of(bench, views, matches, two_view.USUAL)
            return [(pair, matches[pair], geometry) for pair, geometry in geometries.items()]

        with ThreadPoolExecutor(bench.threads) as pool, pycolmap.DatabaseTransaction(opened):
            each = _each_matched(bench, descriptors, pairs)
            jobs = [pool.submit(work, some) for some in _portions(each, len(pairs), bench)]
            done = 0
            for job in jobs:
                for pair, matches, geometry in job.result():
                    opened.write_matches(*pair, matches)
                    opened.write_two_view_geometry(*pair, geometry)
                    span.report(done := done + 1, len(pairs))


def _images_of(pairs: Sequence[Pair]) -> list[int]:
    return sorted({image_id for pair in pairs for image_id in pair})


def _descriptors(opened: pycolmap.Database, pairs: Sequence[Pair]) -> dict[int, nearest.Descriptors]:
    found = {image: np.asarray(opened.read_descriptors(image).data) for image in _images_of(pairs)}
    return {image: np.ascontiguousarray(of_image).reshape(-1, 128) for image, of_image in found.items()}


def _views(opened: pycolmap.Database, pairs: Sequence[Pair]) -> dict[int, two_view.View]:
    views = {}
    for image_id in _images_of(pairs):
        camera = opened.read_camera(opened.read_image(image_id).camera_id)
        views[image_id] = two_view.view_of(camera, database.keypoints_of(opened, image_id))
    return views


Matched = Callable[[], nearest.Matches]
"""Gives the matches of a pair: at once where a GPU has found them, else by finding them."""


def _each_matched(
    bench: Workbench, descriptors: Mapping[int, nearest.Descriptors], pairs: Sequence[Pair]
) -> Iterator[tuple[Pair, Matched]]:
    """The pairs in their order, each with its matches: by a GPU, some hundred at a time, or still to be found."""

    def find(pair: Pair) -> nearest.Matches:
        bench.cancellation.check()
        return nearest.match(descriptors[pair[0]], descriptors[pair[1]])

    place = {image_id: place for place, image_id in enumerate(descriptors)}
    on_gpu = bench.accelerator.work("matching", lambda: nearest.matcher_on_gpu(list(descriptors.values())))
    for begin in range(0, len(pairs), _PAIRS_FOR_GPU):
        bench.cancellation.check()
        some = pairs[begin : begin + _PAIRS_FOR_GPU]
        places = [(place[first], place[second]) for first, second in some]
        found = bench.accelerator.work("matching", partial(on_gpu, places)) if on_gpu else None
        for number, pair in enumerate(some):
            yield pair, partial(find, pair) if found is None else partial(found.__getitem__, number)


T = TypeVar("T")


def _portions(each: Iterable[T], count: int, bench: Workbench) -> Iterator[list[T]]:
    """Each of so many pairs, in portions that a thread does at a time: some for every thread, and none that is long.

    A GPU verifies many pairs in about the time of one.
    """
    if bench.accelerator.is_ready:
        size = min(_PAIRS_FOR_GPU, count // (2 * bench.threads))
    else:
        size = min(_PAIRS_A_TASK, count // (4 * bench.threads))
    pairs = iter(each)
    while some := list(islice(pairs, max(1, size))):
        yield some


def _geometries_of(
    bench: Workbench, views: Mapping[int, two_view.View], matches: Mapping[Pair, nearest.Matches], rules: two_view.Rules
) -> dict[Pair, pycolmap.TwoViewGeometry]:
    bench.cancellation.check()
    given = [(views[pair[0]], views[pair[1]], of_pair, pair) for pair, of_pair in matches.items()]
    found = None
    if len(given) >= _LEAST_FOR_GPU:
        on_gpu = partial(two_view.verify_all_on_gpu, given, rules=rules, seed=bench.options.seed)
        found = bench.accelerator.work("two-view geometry", on_gpu)
    if found is None:
        found = two_view.verify_all(given, rules=rules, seed=bench.options.seed)
    return {
        pair: two_view.to_colmap(one, first, second, of_pair)
        for one, (first, second, of_pair, pair) in zip(found, given, strict=True)
    }


def match_by_colmap(
    bench: Workbench, pairs: Sequence[Pair], span: Span, *, guided: bool, gpu: bool, verified: bool = True
) -> None:
    """Match, on a GPU, guided, or without a kernel; and verify, if wanted."""
    matching = pycolmap.FeatureMatchingOptions()
    matching.num_threads = bench.threads
    matching.use_gpu = gpu
    matching.guided_matching = guided
    matching.skip_geometric_verification = not verified
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
    """Find the two-view geometry of every pair with matches, and none yet, in the database at `path`."""
    if bench.options.engine == "colmap" or not two_view.has_kernel():
        _verify_by_colmap(bench, path, span, strict=strict)
    else:
        _verify_by_kernel(bench, path, span, two_view.STRICT if strict else two_view.USUAL)


def _verify_by_kernel(bench: Workbench, path: Path, span: Span, rules: two_view.Rules) -> None:
    with pycolmap.Database.open(path) as opened:
        pair_ids, found = opened.read_all_matches()
        matches = {
            pair: np.asarray(of_pair)
            for pair, of_pair in zip(map(pycolmap.pair_id_to_image_pair, pair_ids), found, strict=True)
            if not opened.exists_two_view_geometry(*pair)
        }
        pairs = sorted(matches)
        views = _views(opened, pairs)
        with ThreadPoolExecutor(bench.threads) as pool, pycolmap.DatabaseTransaction(opened):
            jobs = [
                pool.submit(_geometries_of, bench, views, {pair: matches[pair] for pair in some}, rules)
                for some in _portions(pairs, len(pairs), bench)
            ]
            done = 0
            for job in jobs:
                for pair, geometry in job.result().items():
                    opened.write_two_view_geometry(*pair, geometry)
                    span.report(done := done + 1, len(pairs))


def _verify_by_colmap(bench: Workbench, path: Path, span: Span, *, strict: bool) -> None:
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
