"""Features, matches, cameras: looked for quickly, and again more closely where that was not enough."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from splatworker.sfm import (
    database,
    features,
    ladder,
    lens,
    lens_evidence,
    lens_groups,
    mask_evidence,
    matching,
    retrieval,
)
from splatworker.sfm.cameras import CameraGroup, fixed_cameras
from splatworker.sfm.features import FeaturePreset
from splatworker.sfm.fisheye_photos import Fisheyes
from splatworker.sfm.graph import MatchGraph, read_graph, third_best
from splatworker.sfm.ladder import Attempt, best
from splatworker.sfm.mask_evidence import Evidence
from splatworker.sfm.pairs import choose_pairs
from splatworker.sfm.photo import PhotoHeader, frames_of, sequences
from splatworker.sfm.pure_rotation import taken_from_one_spot
from splatworker.sfm.watch import Span
from splatworker.sfm.workbench import Workbench
from splatworker.stages.progress import Reporter, Silent

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
        keypoints: frame -> number of keypoints.
        groups: the photos that share a camera: as given, or as the photos themselves told.
        masks: what spoke for the photos' masks and against them; None where none could be heeded.
        doubtful_lens: photos that share a camera do not share a lens, and could not be told apart.
    """

    keypoints: dict[int, int]
    graph: MatchGraph
    attempts: list[Attempt]
    groups: Sequence[CameraGroup]
    masks: Evidence | None = None
    doubtful_lens: bool = False


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
    frames = frames_of(photos)
    doubtful = False
    begun = time.process_time()
    for preset in presets:
        bench = dataclasses.replace(room, folder=room.folder / preset.name, fixed_cameras=fixed_cameras(groups))
        bench.folder.mkdir()
        database.create(bench.database, photos, groups, room.options.camera_model)
        if ahead is not None and preset is presets[0]:
            database.copy_features(ahead, bench.database, photos)
        before = time.process_time()
        graph = _look(bench, preset, photos, groups, reporter, timer)
        evidence = mask_evidence.weigh(bench, graph)
        other: tuple[Workbench, MatchGraph] | None = None
        if evidence is not None and evidence.heeded:
            other = None if evidence.is_still else (bench, graph)
            bench = mask_evidence.masked_look(bench, photos, groups)
            graph = _matched(bench, preset, photos, groups, reporter, timer)
        now = time.process_time()
        last = (
            preset is presets[-1]
            or (preset is fine and not (_is_promising(graph) and _lacks_matches(graph)))
            or now - begun + CLOSER_LOOK * (now - before) > FEWEST_SECONDS + SECONDS_A_PHOTO * len(photos)
        )
        if is_thin(graph) and not last:
            continue
        if len(graph.components()[0]) >= _SCENE and not taken_from_one_spot(graph, photos):
            with timer("mapping"):
                span = Span(reporter, "placing cameras", 0.65, 0.93)
                climbed = _climb(bench, photos, groups, graph, span, last=last)
            attempts = climbed.attempts if climbed.groups is not groups else attempts + climbed.attempts
            bench, groups, graph, doubtful = climbed.bench, climbed.groups, climbed.graph, climbed.differ
        is_regrouped = any(group.told for group in groups)
        if evidence is not None and not is_regrouped and not ladder.answered(attempts, graph):  # the other way, once
            if not evidence.heeded:
                inside = mask_evidence.masked_look(bench, photos, groups)
                other = inside, _matched(inside, preset, photos, groups, reporter, timer)
            if other is not None and len(other[1].components()[0]) >= _SCENE:
                with timer("mapping"):
                    span = Span(reporter, "placing cameras", 0.65, 0.93)
                    attempts += ladder.climb(other[0], other[0].folder.name, groups, other[1], span)
                graph = max(graph, other[1], key=lambda found: len(found.components()[0]))
        if last or (ladder.answered(attempts, graph) and not _is_loose(graph)):
            break
    keypoints = dict.fromkeys(frames, 0)
    for image_id, count in database.keypoint_counts(bench.database).items():
        keypoints[frames[image_id - 1]] += count
    return Findings(keypoints, graph, attempts, groups, evidence, doubtful)


@dataclass(frozen=True)
class _Climbed:
    """Attempts, on which matches, and by which cameras; `differ`: photos that share one do not share a lens."""

    bench: Workbench
    groups: Sequence[CameraGroup]
    graph: MatchGraph
    attempts: list[Attempt]
    differ: bool = False


def _climb(
    bench: Workbench,
    photos: Sequence[PhotoHeader],
    groups: Sequence[CameraGroup],
    graph: MatchGraph,
    span: Span,
    *,
    last: bool,
) -> _Climbed:
    """The attempts on these matches, by other cameras than given where that is truer.

    Where the cameras as given hold all photos, and yet do not fit them, others are believed if they fit better. Where
    no photos hold together at first, that may have any reason: others are believed at once if they are certain, and
    else only where no further attempt holds the photos by the cameras as given.
    """
    look = bench.folder.name
    fisheyes = lens_evidence.fisheyes_of(bench, photos, groups, graph)
    begun = ladder.begin(bench, look, groups, graph, span)
    if begun:
        asked = lens_evidence.in_question(bench, groups, graph, begun)
    else:
        asked = lens_evidence.of_two_kinds(groups, fisheyes)
    held = bool(begun) and ladder.good_enough(begun[-1], graph)
    other = _by_other_cameras(bench, photos, groups, graph, span, asked, begun, fisheyes)
    if other and (held or lens_evidence.is_certain(other.groups, other.graph, other.attempts, other.bench)):
        return other
    found = ladder.climb(bench, look, groups, graph, span, begun, last=last)
    if not begun and not asked and (asked := lens_evidence.in_question(bench, groups, graph, found)):
        other = _by_other_cameras(bench, photos, groups, graph, span, asked, found, fisheyes)
    differ = bool(asked) and lens_evidence.differ(best(found), asked, bench)
    holds = not differ and ladder.good_enough(best(found), graph)
    if other and not holds and lens_evidence.is_truer(other.attempts, found, other.bench):
        return other
    return _Climbed(bench, groups, graph, found, differ)


def _by_other_cameras(
    bench: Workbench,
    photos: Sequence[PhotoHeader],
    groups: Sequence[CameraGroup],
    graph: MatchGraph,
    span: Span,
    asked: set[int],
    before: Sequence[Attempt],
    fisheyes: Callable[[int], Fisheyes],
) -> _Climbed | None:
    """The first grouping by which photos of a camera share a lens, or else the truest; None if none is truer."""
    kept: _Climbed | None = None
    for other in lens_groups.tell_apart(bench, photos, groups, graph, asked, fisheyes) if asked else ():
        attempts = ladder.climb(other.bench, bench.folder.name, other.groups, other.graph, span)
        if not lens_evidence.is_truer(attempts, kept.attempts if kept else before, other.bench):
            continue
        model = best(attempts).model
        assert model is not None
        told = lens_groups.told_by(other.groups, groups, model)
        cameras = {camera_id for camera_id, group in enumerate(told, 1) if group.told}
        differ = lens_evidence.differ(best(attempts), cameras, other.bench)
        kept = _Climbed(other.bench, told, other.graph, attempts, differ)
        if not differ:
            break
    return kept


def _look(
    bench: Workbench,
    preset: FeaturePreset,
    photos: Sequence[PhotoHeader],
    groups: Sequence[CameraGroup],
    reporter: Reporter,
    timer: Callable[[str], AbstractContextManager[None]],
) -> MatchGraph:
    """Features, pairs, matches."""
    with timer("features"):
        features.extract(bench, preset, Span(reporter, "finding features", 0.02, 0.3))
    return _matched(bench, preset, photos, groups, reporter, timer)


def _matched(
    bench: Workbench,
    preset: FeaturePreset,
    photos: Sequence[PhotoHeader],
    groups: Sequence[CameraGroup],
    reporter: Reporter,
    timer: Callable[[str], AbstractContextManager[None]],
) -> MatchGraph:
    """Pairs and matches of features that are there."""
    options, frames = bench.options, frames_of(photos)
    with timer("pairs"):
        pairs = choose_pairs(
            len(photos),
            options.matcher,
            preset.gpu or features.has_many(bench.threads),
            lambda: retrieval.similarities(retrieval.read_descriptors(bench.database), options.seed, bench.threads),
            frames,
            [[number + 1 for number in video] for video in sequences(photos)],
        )
    with timer("matching"):
        matching.match(bench, pairs, Span(reporter, "matching photos", 0.3, 0.65), guided=preset.guided, gpu=preset.gpu)
    graph = read_graph(bench.database, frames)
    tried = len({(frames[first - 1], frames[second - 1]) for first, second in pairs})
    return _see_through_fisheyes(bench, groups, frames, dataclasses.replace(graph, tried=tried), timer)


def _see_through_fisheyes(
    bench: Workbench,
    groups: Sequence[CameraGroup],
    frames: Sequence[int],
    graph: MatchGraph,
    timer: Callable[[str], AbstractContextManager[None]],
) -> MatchGraph:
    """The graph as it is, or, of matches verified once more, as it is where cameras are fisheyes."""
    with timer("lens"):
        fisheyes = lens.find_fisheyes(bench, groups, graph)
        if not fisheyes:
            return graph
        database.make_fisheyes(bench.database, fisheyes, bench.options.camera_model)
        matching.verify(bench, bench.database, Span(Silent(), "", 0.0, 1.0), strict=False)
        return dataclasses.replace(read_graph(bench.database, frames), tried=graph.tried)


def is_thin(graph: MatchGraph) -> bool:
    """Too few matches for the mapper to have a good chance."""
    return third_best(graph.images, graph.inliers) < THIN_MATCHES


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
