"""Features, matches, cameras: looked for quickly, and again more closely where that was not enough."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from splatworker.sfm import database, features, ladder, matching, retrieval
from splatworker.sfm.cameras import CameraGroup
from splatworker.sfm.features import FeaturePreset
from splatworker.sfm.graph import MatchGraph, read_graph
from splatworker.sfm.ladder import Attempt
from splatworker.sfm.pairs import choose_pairs
from splatworker.sfm.photo import PhotoHeader, sequences
from splatworker.sfm.watch import Span
from splatworker.sfm.workbench import Workbench
from splatworker.stages.progress import Reporter

THIN_MATCHES = 100
"""Where half of the photos have fewer verified matches than this with their third best partner, a closer look comes
first. Sets that the mapper finds easy measured 220 to 1300, the two that it fails on 65 and 69."""

LOOSE_SHARE = 0.2
"""With more photos than this hanging together with no two others, a closer look is worth its time."""

FEWEST_SECONDS, SECONDS_A_PHOTO = 90.0, 9.0
"""Seconds of a processor that all looks together may take, and so many more a photo: what is not found by then is not
there. On two processors it is half of that by the clock."""

CLOSER_LOOK = 4.0
"""How many times as long as a look the next closer one takes, at least."""

_SCENE = 3


@dataclass(frozen=True)
class Findings:
    """What the last look at the photos gave, and every attempt of all looks.

    Attributes:
        keypoints: image id -> number of keypoints.
    """

    keypoints: dict[int, int]
    graph: MatchGraph
    attempts: list[Attempt]


def search(
    room: Workbench,
    photos: Sequence[PhotoHeader],
    groups: Sequence[CameraGroup],
    reporter: Reporter,
    timer: Callable[[str], AbstractContextManager[None]],
    ahead: Path | None = None,
) -> Findings:
    """Look at the photos, from the cheapest preset on, until cameras for (nearly) all of them are found.

    Args:
        room: its folder takes one workbench a look.
        timer: times a step under its name.
        ahead: a database with features of some of the photos, by the first preset.
    """
    attempts: list[Attempt] = []
    presets = features.presets(room.options, room.threads)
    _, fine, _ = presets
    begun = time.process_time()
    for preset in presets:
        bench = dataclasses.replace(room, folder=room.folder / preset.name)
        bench.folder.mkdir()
        database.create(bench.database, photos, groups, room.options.camera_model)
        if ahead is not None and preset is presets[0]:
            database.copy_features(ahead, bench.database, photos)
        before = time.process_time()
        graph = _look(bench, preset, photos, reporter, timer)
        now = time.process_time()
        last = (
            preset is presets[-1]
            or (preset is fine and not (_is_promising(graph) and _lacks_matches(graph)))
            or now - begun + CLOSER_LOOK * (now - before) > FEWEST_SECONDS + SECONDS_A_PHOTO * len(photos)
        )
        if is_thin(graph) and not last:
            continue
        if len(graph.components()[0]) >= _SCENE:
            with timer("mapping"):
                span = Span(reporter, "placing cameras", 0.65, 0.93)
                attempts += ladder.climb(bench, preset.name, groups, graph, span)
        if last or (ladder.answered(attempts, graph) and not _is_loose(graph)):
            break
    return Findings(database.keypoint_counts(bench.database), graph, attempts)


def _look(
    bench: Workbench,
    preset: FeaturePreset,
    photos: Sequence[PhotoHeader],
    reporter: Reporter,
    timer: Callable[[str], AbstractContextManager[None]],
) -> MatchGraph:
    """Features, pairs, matches."""
    options = bench.options
    with timer("features"):
        features.extract(bench, preset, Span(reporter, "finding features", 0.02, 0.3))
    with timer("pairs"):
        pairs = choose_pairs(
            len(photos),
            options.matcher,
            preset.gpu or features.has_many(bench.threads),
            lambda: retrieval.similarities(retrieval.read_descriptors(bench.database), options.seed),
            [[number + 1 for number in video] for video in sequences(photos)],
        )
    with timer("matching"):
        matching.match(bench, pairs, Span(reporter, "matching photos", 0.3, 0.65), guided=preset.guided, gpu=preset.gpu)
    return read_graph(bench.database)


def is_thin(graph: MatchGraph) -> bool:
    """Too few matches for the mapper to have a good chance."""
    third_best = []
    for image in graph.images:
        counts = sorted((count for pair, count in graph.inliers.items() if image in pair), reverse=True)
        third_best.append(counts[2] if len(counts) > 2 else 0)
    return float(np.median(third_best)) < THIN_MATCHES


def _is_promising(graph: MatchGraph) -> bool:
    """A few photos hang together at least by matches that might be chance: not so where photos share nothing."""
    return len(graph.components(minimum=1)[0]) >= _SCENE


def _lacks_matches(graph: MatchGraph) -> bool:
    """More features may help: few matches, or photos without any. Where there are plenty, the fault is another."""
    return is_thin(graph) or _is_loose(graph)


def _is_loose(graph: MatchGraph) -> bool:
    """Many photos belong to no scene at all."""
    loose = sum(len(component) for component in graph.components() if len(component) < _SCENE)
    return loose > LOOSE_SHARE * len(graph.images)
