"""Incremental mapping in rounds: photos that see enough points get their cameras, then all are adjusted together.

COLMAP's mapper adjusts what is around each photo that it adds, and everything now and then, since adjusting everything
is what costs most. With an adjustment that takes a fraction (`adjustment`), a model that grows by a share of its photos
a round is adjusted as a whole in every round, and nothing in between; of many photos less (`round_adjustment`). All of
it is done in arrays, by our own steps (`first_pair`, `resection`, `tracks`), with the thresholds that COLMAP's mapper
has (`mapping`), and becomes COLMAP's model at the end: the same matches give the same cameras, however many threads
work.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Container, Iterator
from contextlib import closing

import numpy as np

from splatworker.sfm import (
    adjustment,
    agreement,
    first_pair,
    grown_model,
    model_adjustment,
    resection,
    round_adjustment,
    round_rules,
    tracks,
)
from splatworker.sfm.colmap import pycolmap
from splatworker.sfm.graph import MatchGraph
from splatworker.sfm.round_work import Work, copy_of, work_of
from splatworker.sfm.watch import Span, watch
from splatworker.sfm.workbench import Workbench

GROWTH = 0.3
"""A round adds at most this share of the photos that have a camera, and one at least."""

DUE = 0.2
"""All of so many are adjusted when the model has grown by this share since they were, and in between what is near the
photos that were added: along a corridor a round adds a few at its end, however many there are."""

_MOST_BEGINNINGS = 4
"""So many first pairs are tried while photos that overlap are missing."""

_LAST_ROUNDS, _FEW_CHANGES = 4, 1e-3
"""At the end all is adjusted, filtered and completed so often at most, and until a smaller share of the observations
changes."""


def suits(bench: Workbench) -> bool:
    """Whether the photos of the bench's database can be mapped so."""
    if bench.options.engine == "colmap" or not (adjustment.has_kernel() and tracks.has_kernel()):
        return False
    with pycolmap.Database.open(bench.database) as opened:
        cameras, photos = opened.read_all_cameras(), opened.num_images()
    return not has_panoramas(bench) and model_adjustment.can_solve(photos, cameras)


def has_panoramas(bench: Workbench) -> bool:
    """Whether photos of the bench's database are views of a panorama, which move together."""
    with pycolmap.Database.open(bench.database) as opened:
        return any(rig.num_sensors() > 1 for rig in opened.read_all_rigs())


def map_in_rounds(
    bench: Workbench,
    options: pycolmap.IncrementalPipelineOptions,
    photos: int,
    span: Span,
    verified: agreement.Verified | None = None,
) -> pycolmap.Reconstruction | None:
    """The largest model that grows from a first pair; None where there is none, or no minimum at the end.

    Args:
        bench: its database has verified matches, and `suits`.
        options: as COLMAP's mapper would take them.
        photos: how many there are.
        verified: the database's verified matches, if they have been read.
    """
    placed = [0]
    return watch(
        lambda: _map(bench, options, verified or agreement.read_verified(bench.database), placed.append),
        lambda: span.report(placed[-1], photos),
        bench.cancellation,
    )


def have_beginning(
    bench: Workbench, options: pycolmap.IncrementalPipelineOptions, verified: agreement.Verified
) -> bool:
    """Whether two photos make a beginning under the angles of these options."""
    with pycolmap.Database.open(bench.database) as opened:
        cameras = {camera.camera_id: camera for camera in opened.read_all_cameras()}
        of_photo = {image.image_id: cameras[image.camera_id] for image in opened.read_all_images()}
    rules = round_rules.of_options(options).beginning
    pairs = first_pair.beginnings(verified, of_photo, rules=rules, seed=bench.options.seed, threads=bench.threads)
    with closing(pairs):
        return any(first_pair.is_wide(pair, rules) for pair in pairs)


def _map(
    bench: Workbench,
    options: pycolmap.IncrementalPipelineOptions,
    verified: agreement.Verified,
    on_placed: Callable[[int], None],
) -> pycolmap.Reconstruction | None:
    with pycolmap.Database.open(bench.database) as opened:
        images = {image.image_id: image for image in opened.read_all_images()}
        cameras = {camera.camera_id: camera for camera in opened.read_all_cameras()}
    of_photo = {image_id: cameras[image.camera_id] for image_id, image in images.items()}
    overlapping = _overlapping(verified)
    best: Work | None = None
    known: set[int] = set()
    rules = round_rules.of_options(options).beginning
    pairs = first_pair.beginnings(verified, of_photo, rules=rules, seed=bench.options.seed, threads=bench.threads)
    with closing(pairs):
        for _ in range(_MOST_BEGINNINGS):
            pair = _next_beginning(pairs, known)
            if pair is None:
                break
            work = work_of(bench, options, verified, images, cameras)
            if not _grow(work, pair, bench, options.min_model_size, on_placed):
                continue
            known.update(work.model.features.images[photo] for photo in work.placed)
            if best is None or len(work.placed) > len(best.placed):
                best = work
            if len(best.placed) >= overlapping:
                break
    if best is None:
        return None
    if len(best.placed) < overlapping:
        best = _by_narrow_rays(best, bench, on_placed)
    for camera, parameters in zip(best.cameras, best.model.lenses.parameters, strict=True):
        camera.params = parameters[: adjustment.PARAMETERS[int(camera.model)]]
    return grown_model.to_colmap(best.model, verified, images, cameras, bench.folder)


def _next_beginning(pairs: Iterator[first_pair.FirstPair], known: Container[int]) -> first_pair.FirstPair | None:
    """The best pair that is left, of photos that no model holds yet."""
    return next((pair for pair in pairs if not any(image_id in known for image_id in pair.images)), None)


def _overlapping(verified: agreement.Verified) -> int:
    """How many photos hang together at most."""
    inliers = {pair: len(matches) for pair, matches in verified.matches.items() if len(matches)}
    return len(MatchGraph(tuple(verified.keypoints), inliers, {}, len(inliers)).components()[0])


def _grow(
    work: Work,
    pair: first_pair.FirstPair,
    bench: Workbench,
    least_photos: int,
    on_placed: Callable[[int], None],
) -> bool:
    """Whether a model of so many photos came of this beginning."""
    if not _begin(work, pair):
        return False
    _add_all(work, bench, on_placed)
    if len(work.placed) < least_photos or not _finish(work):
        return False
    bench.cancellation.check()
    return True


def _by_narrow_rays(work: Work, bench: Workbench, on_placed: Callable[[int], None]) -> Work:
    """The model with the photos that points of narrower rays lead to; itself, as it was, where they lead to none."""
    further = copy_of(work, dataclasses.replace(work.rules, showing=work.rules.narrow))
    tracks.extend(further.model, [int(photo) for photo in further.placed], further.rules.showing)
    round_adjustment.adjust_draft(further)
    _clean(further)
    _add_all(further, bench, on_placed)
    has_grown = len(further.placed) > len(work.placed) and _finish(further)
    return further if has_grown and len(further.placed) > len(work.placed) else work


def _add_all(work: Work, bench: Workbench, on_placed: Callable[[int], None]) -> None:
    """Round after round, until no photo is added."""
    adjusted = len(work.placed)
    while added := _add_photos(work):
        on_placed(len(work.placed))
        bench.cancellation.check()
        is_due = not round_adjustment.are_many(work) or len(work.placed) >= (1 + DUE) * adjusted
        if is_due or not round_adjustment.adjust_near(work, added):
            round_adjustment.adjust_draft(work)
            adjusted = len(work.placed)
        _clean(work)


def _begin(work: Work, pair: first_pair.FirstPair) -> bool:
    """Whether the first pair has points that hold."""
    model = work.model
    first, second = (model.features.images.index(image_id) for image_id in pair.images)
    model.poses[second, :4], model.poses[second, 4:] = pycolmap.Rotation3d(pair.rotation).quat, pair.translation
    model.placed[[first, second]] = 1
    tracks.extend(model, [first, second], work.rules.showing)
    if not len(model.points):
        return False
    round_adjustment.adjust_draft(work)
    _clean(work)
    return len(work.placed) == 2


def _add_photos(work: Work) -> list[int]:
    """Give cameras to those that see most of the model; which got one.

    All of a round are looked for at once, in the model as it stands, so that threads can share them.
    """
    most = max(1, int(GROWTH * len(work.placed)))
    added: list[int] = []
    waiting = _next_photos(work)
    while waiting and len(added) < most:
        some, waiting = waiting[: most - len(added)], waiting[most - len(added) :]
        for photo, camera in zip(some, _resect(work, some), strict=True):
            work.trials[photo] += 1
            if camera is not None and _is_possible(work, photo, camera.parameters):
                resection.place(work.model, photo, camera)
                added.append(photo)
    if added:
        tracks.extend(work.model, added, work.rules.showing)
    return added


def _next_photos(work: Work) -> list[int]:
    """Photos without a camera that see enough, those that see most of the model first."""
    photos = [
        int(photo)
        for photo in np.flatnonzero(work.model.placed == 0)
        if work.trials[int(photo)] < work.rules.most_trials
    ]
    counts, scores = tracks.visible(work.model, photos, work.sizes[photos])
    order = sorted(range(len(photos)), key=lambda row: (-scores[row], photos[row]))
    return [photos[row] for row in order if counts[row] >= work.rules.placing.min_inliers]


def _resect(work: Work, photos: list[int]) -> list[resection.Resected | None]:
    """Their cameras; what of a lens may move does in the first photo of it."""
    lens_of = work.model.lenses.of
    known = set(lens_of[work.placed].tolist())
    new = [int(lens_of[photo]) not in known for photo in photos]
    free = [int(work.free[lens_of[photo]]) if is_new else 0 for photo, is_new in zip(photos, new, strict=True)]
    unknown = [
        bool(bits) and not work.cameras[lens_of[photo]].has_prior_focal_length
        for photo, bits in zip(photos, free, strict=True)
    ]
    return resection.resect(
        work.model, photos, free, unknown, rules=work.rules.placing, seed=work.seed, threads=work.threads
    )


def _is_possible(work: Work, photo: int, parameters: tracks.Floats) -> bool:
    """Whether a lens can be one: its focal length, and how much it bends."""
    camera = work.cameras[work.model.lenses.of[photo]]
    longer = max(camera.width, camera.height)
    least, most = (ratio * longer for ratio in work.rules.focal_ratios)
    focals, bent = parameters[camera.focal_length_idxs()], parameters[camera.extra_params_idxs()]
    return bool(np.all((focals > least) & (focals < most)) and np.all(np.abs(bent) <= work.rules.most_bent))


def _clean(work: Work) -> int:
    """Complete and merge the points' tracks, leave out what does not fit; how many observations that changed."""
    changed = tracks.clean(work.model, work.rules.showing, work.threads)
    seen = np.bincount(work.model.features.photo[work.model.point_of != tracks.NONE], minlength=len(work.sizes))
    lost = [
        int(photo)
        for photo in work.placed
        if not seen[photo] or not _is_possible(work, photo, work.model.lenses.parameters[work.model.lenses.of[photo]])
    ]
    if lost:
        tracks.forget(work.model, lost)
        lenses = work.model.lenses
        left = sorted({int(lenses.of[photo]) for photo in lost} - set(lenses.of[work.placed].tolist()))
        lenses.parameters[left] = work.given[left]
    return changed


def _finish(work: Work) -> bool:
    """Look once more for points of pairs that have few, then adjust and filter until little changes; whether it did.

    Of many photos, whose polish goes on from there, twice: once by some of the points.
    """
    tracks.retriangulate(work.model, work.rules.few_common, work.rules.again)
    if round_adjustment.are_many(work):
        round_adjustment.adjust_draft(work)
        _clean(work)
        is_done = round_adjustment.adjust_to_the_end(work)
        _clean(work)
        return is_done
    for _ in range(_LAST_ROUNDS):
        if not round_adjustment.adjust_to_the_end(work):
            return False
        if _clean(work) <= _FEW_CHANGES * np.count_nonzero(work.model.point_of != tracks.NONE):
            return True
    return round_adjustment.adjust_to_the_end(work)
