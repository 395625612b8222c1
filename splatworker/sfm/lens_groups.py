"""Photos that were taken for one camera's, by their size or by what their headers tell, and that several lenses took.

A phone has a wide lens and a long one of the same number of pixels, a zoom has any focal length, and photos that were
sent around tell neither. Where a model of shared cameras does not hold (`shared_lens`), the photos are mapped once more
with a camera each: worse known, but none of them forced. Cameras that draw alike are then one lens, which they share.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from splatworker.sfm import agreement, database, gate, mapping, matching, other_lens, rounds
from splatworker.sfm.agreement import Verified
from splatworker.sfm.cameras import CameraGroup, guessed_focal
from splatworker.sfm.colmap import pycolmap
from splatworker.sfm.fisheye_photos import Fisheyes
from splatworker.sfm.graph import MatchGraph, read_graph
from splatworker.sfm.mapping import MapperPreset
from splatworker.sfm.photo import PhotoHeader, frames_of
from splatworker.sfm.watch import Span
from splatworker.sfm.workbench import Workbench
from splatworker.stages.progress import Silent

ALIKE = 0.04
"""Lenses are one that draw a ray as far from the middle but for this share. Focal lengths of single photos scattered by
0.2 % in a rendered ring and by 0.7 % in fox, whose focus moved."""

_RADII = (0.3, 0.6)
"""Where lenses are compared, in halves of the photo's diagonal from its middle."""

_ENOUGH = 0.5
"""Of the photos, so many must have a camera of their own for anything to be said."""

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Regrouped:
    """The photos by other cameras.

    Attributes:
        bench: with a database of these cameras.
        groups: of photos that share one.
        graph: of the matches as they hold by these.
    """

    bench: Workbench
    groups: Sequence[CameraGroup]
    graph: MatchGraph


def tell_apart(
    bench: Workbench,
    photos: Sequence[PhotoHeader],
    groups: Sequence[CameraGroup],
    graph: MatchGraph,
    asked: set[int],
    fisheyes: Callable[[int], Fisheyes],
) -> Iterator[Regrouped]:
    """Other groups of the photos of some cameras, maybe none.

    By the kind of lens alone, if there are both; of those that draw alike; and then one for each photo.

    Args:
        asked: ids of the cameras, which count the groups from 1.
        fisheyes: as of `fisheyes_of`.
    """
    number = {photo.name: image_id for image_id, photo in enumerate(photos, 1)}
    alone = _each_alone(groups, asked, number, fisheyes)
    kinds = _by_kind(groups, alone)
    if len(kinds) > len(groups):
        yield _regrouped(bench, "kinds_of_lenses", photos, kinds, graph.tried)
    own = _with_groups(bench, "own_lenses", photos, alone)
    model = _mapped(own, len(photos))
    if model is None:
        return
    verified = agreement.read_verified(own.database)
    unusable = gate.inspect(model, alone, verified, threads=bench.threads).implausible_images
    lenses = {
        image_id: model.camera(model.image(image_id).camera_id)
        for image_id in model.reg_image_ids()
        if model.image(image_id).frame_id not in unusable
    }
    if len(lenses) < _ENOUGH * len(photos):
        return
    clustered: list[CameraGroup] = []
    single: list[CameraGroup] = []
    for camera_id, group in enumerate(groups, 1):
        if camera_id not in asked:
            clustered.append(group)
            single.append(group)
            continue
        images = [number[photo.name] for photo in group.photos]
        clusters = _alike({image_id: lenses[image_id] for image_id in images if image_id in lenses})
        for image_id in images:
            if image_id not in lenses:
                _join(clusters, image_id, lenses, model, verified)
        parts = [_group(group, photos, members, lenses) for members in clusters]
        is_one = len(parts) == 1 and parts[0].told == "ordinary"
        clustered += [group] if is_one else parts
        single += [group] if is_one else [_group(group, photos, [image_id], lenses) for image_id in images]
    if _members(clustered) not in (_members(groups), _members(kinds)) or len(kinds) > len(groups):
        yield _regrouped(bench, "lenses", photos, clustered, graph.tried)
        if len(single) > len(clustered):
            yield _regrouped(bench, "single_lenses", photos, single, graph.tried)


def _each_alone(
    groups: Sequence[CameraGroup], asked: set[int], number: Mapping[str, int], fisheyes: Callable[[int], Fisheyes]
) -> list[CameraGroup]:
    """The groups, but those that are asked about photo by photo, and as fisheyes where the matches speak for one."""
    found: list[CameraGroup] = []
    for camera_id, group in enumerate(groups, 1):
        if camera_id not in asked:
            found.append(group)
            continue
        among = fisheyes(camera_id)
        for photo in group.photos:
            if number[photo.name] in among.images:
                found.append(CameraGroup((photo,), among.focal, False, told="fisheye"))
            else:
                found.append(CameraGroup((photo,), guessed_focal(photo.width, photo.height), False))
    return found


def _by_kind(groups: Sequence[CameraGroup], alone: Sequence[CameraGroup]) -> list[CameraGroup]:
    """The groups, those of which a fisheye took some photos in two."""
    focals = {group.photos[0].name: group.focal for group in alone if group.told == "fisheye"}
    found: list[CameraGroup] = []
    for group in groups:
        bent = tuple(photo for photo in group.photos if photo.name in focals)
        straight = tuple(photo for photo in group.photos if photo.name not in focals)
        if not bent or group.told:
            found.append(group)
            continue
        if straight:
            found.append(CameraGroup(straight, guessed_focal(group.width, group.height), False))
        found.append(CameraGroup(bent, focals[bent[0].name], False, told="fisheye"))
    return found


def _members(groups: Sequence[CameraGroup]) -> set[tuple[str, ...]]:
    return {tuple(photo.name for photo in group.photos) for group in groups}


def told_by(
    groups: Sequence[CameraGroup], before: Sequence[CameraGroup], model: pycolmap.Reconstruction
) -> list[CameraGroup]:
    """The groups with what the model has found of the lenses of those that were not there `before`."""
    found = []
    for camera_id, group in enumerate(groups, 1):
        if group not in before and camera_id in model.cameras:
            camera = model.cameras[camera_id]
            is_fisheye = "FISHEYE" in camera.model_name
            found.append(dataclasses.replace(group, focal=_focal(camera), told="fisheye" if is_fisheye else "ordinary"))
        else:
            found.append(group)
    return found


def _mapped(bench: Workbench, photos: int) -> pycolmap.Reconstruction | None:
    span = Span(Silent(), "", 0.0, 1.0)
    if rounds.suits(bench):
        options = mapping.incremental_options(MapperPreset(), bench, mapping.ONE_THREAD)
        if model := rounds.map_in_rounds(bench, options, photos, span):
            return model
    models = mapping.map_incrementally(bench, bench.folder / "models", MapperPreset(), photos, span)
    return models[0] if models else None


def _alike(lenses: Mapping[int, pycolmap.Camera]) -> list[list[int]]:
    """Image ids of lenses that draw alike: the nearest two groups are put together, by their means, again and again."""
    drawn = {image_id: drawing for image_id, camera in lenses.items() if np.isfinite(drawing := _drawing(camera)).all()}
    clusters = [[image_id] for image_id in drawn]
    means = np.array(list(drawn.values())).reshape(-1, len(_RADII))
    while len(clusters) > 1:
        apart = np.abs(means[:, None] - means[None]).max(axis=2)
        np.fill_diagonal(apart, np.inf)
        one, other = sorted(map(int, np.unravel_index(apart.argmin(), apart.shape)))
        if apart[one, other] > ALIKE:
            break
        clusters[one] += clusters.pop(other)
        means = np.delete(means, other, axis=0)
        means[one] = np.mean([drawn[image_id] for image_id in clusters[one]], axis=0)
    return sorted((sorted(members) for members in clusters), key=lambda members: (-len(members), members))


def _drawing(camera: pycolmap.Camera) -> Floats:
    """The logarithms of the tangents of the rays at `_RADII`: what a lens does, whichever model says it."""
    radii = np.array(_RADII) * np.hypot(camera.width, camera.height) / 2
    pixels = np.stack([camera.principal_point_x + radii, np.full(len(radii), camera.principal_point_y)], axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.log(np.asarray(camera.cam_from_img(pixels), np.float64)[:, 0])


def _join(
    clusters: list[list[int]],
    image_id: int,
    lenses: Mapping[int, pycolmap.Camera],
    model: pycolmap.Reconstruction,
    verified: Verified,
) -> None:
    """Put a photo that has no camera to the lens by which it can be placed best, or by itself where it cannot."""
    placed = agreement.placed(model, verified)
    placed.pop(image_id, None)
    pixels, points = other_lens.seen(image_id, placed, verified)
    if len(pixels) >= other_lens.FEWEST:
        counts = [other_lens.explained(lenses[members[0]], pixels, points, free=False)[0] for members in clusters]
        best = int(np.argmax(counts)) if counts else 0
        if counts and counts[best] >= other_lens.FEWEST:
            clusters[best].append(image_id)
            return
    clusters.append([image_id])


def _group(
    of: CameraGroup, photos: Sequence[PhotoHeader], members: Sequence[int], lenses: Mapping[int, pycolmap.Camera]
) -> CameraGroup:
    """The group of some photos: its lens is the one in the middle of theirs."""
    names = {photos[image_id - 1].name for image_id in members}
    some = tuple(photo for photo in of.photos if photo.name in names)
    absurd = tuple(photo for photo in of.absurd if photo.name in names)
    known = sorted((lenses[image_id] for image_id in members if image_id in lenses), key=_focal)
    if not known:
        return CameraGroup(some, guessed_focal(of.width, of.height), False, absurd)
    middle = known[len(known) // 2]
    told = "fisheye" if "FISHEYE" in middle.model_name else "ordinary"
    return CameraGroup(some, _focal(middle), False, absurd, told=told)  # type: ignore[arg-type]


def _focal(camera: pycolmap.Camera) -> float:
    return float(camera.mean_focal_length())


def _with_groups(
    bench: Workbench, name: str, photos: Sequence[PhotoHeader], groups: Sequence[CameraGroup]
) -> Workbench:
    """A bench in a folder of its own, whose database has these cameras and the matches, verified by them."""
    own = dataclasses.replace(bench, folder=bench.folder / name)
    own.folder.mkdir()
    database.create(own.database, photos, groups, bench.options.camera_model)
    database.copy_matches(bench.database, own.database)
    matching.verify(own, own.database, Span(Silent(), "", 0.0, 1.0), strict=False)
    return own


def _regrouped(
    bench: Workbench, name: str, photos: Sequence[PhotoHeader], groups: Sequence[CameraGroup], tried: int
) -> Regrouped:
    found = _with_groups(bench, name, photos, groups)
    graph = dataclasses.replace(read_graph(found.database, frames_of(photos)), tried=tried)
    return Regrouped(found, groups, graph)
