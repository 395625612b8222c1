"""What the user should know of a reconstruction that is delivered, a sentence each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from splatworker.formats.masks import UNMIRRORED
from splatworker.sfm import reasons
from splatworker.sfm.cameras import CameraGroup
from splatworker.sfm.graph import MatchGraph
from splatworker.sfm.ladder import Attempt
from splatworker.sfm.mask_evidence import Evidence, used_masks
from splatworker.sfm.options import SfmOptions
from splatworker.sfm.photo import PhotoHeader, frames_of
from splatworker.sfm.undistort import Written
from splatworker.sfm.undistorted_camera import WIDEST_DEG

LOOSE_VIDEO_PX = 1.5
"""Mean reprojection error from which the frames of a video do not share a lens."""

_FEW_LENSES = 4
"""So many are named."""


def of_headers(groups: Sequence[CameraGroup], attempt: Attempt) -> Iterator[str]:
    """What headers (EXIF) say of focal lengths that was not believed."""
    absurd = [photo.name for group in groups for photo in group.absurd]
    if absurd:
        yield (
            f"The header (EXIF) of {_some(absurd)} tells a focal length that no camera has; it was ignored, and the "
            "focal length found from the photos."
        )
    for camera_id, clause in attempt.inspection.doubted.items():
        group = groups[camera_id - 1]
        names = [photo.name for photo in group.photos if photo not in group.absurd]
        yield (
            f"The header (EXIF) of {_some(names)} is contradicted by the photos and was not believed: {clause}. Were "
            "they cropped, or is the focal length that of another lens?"
        )


def of_mirrored(photos: Sequence[PhotoHeader]) -> Iterator[str]:
    """Of photos that lie mirrored: what decodes photos lays them right, but this stage takes pixels as they lie."""
    names = [photo.name for photo in photos if photo.orientation in UNMIRRORED]
    if names:
        yield (
            f"The header (EXIF) of {_some(names)} says that the pixels lie mirrored, and the scene shows them so: make "
            "clean copies first (splatworker photos), which are not."
        )


def of_told_areas(names: Sequence[str]) -> Iterator[str]:
    """Of photos that tell to be parts of panoramas, and that were taken for ordinary ones (`told_areas`)."""
    if names:
        yield (
            f"The header (XMP GPano) of {_some(names)} says that a part of a panorama is shown, but an ordinary lens "
            "explains what the photos have in common, and that does not: ordinary photos is what they were used as."
        )


def of_positions(photos: Sequence[PhotoHeader], misplaced: Sequence[int]) -> Iterator[str]:
    """Of positions (GPS) that were not used; `misplaced` are ids of images."""
    if misplaced:
        names = [photos[image_id - 1].given for image_id in misplaced]
        yield f"The position (GPS) of {_some(names)} is missing or contradicts that of all others; it was not used."


def of_fisheyes(groups: Sequence[CameraGroup], written: Written) -> Iterator[str]:
    """Of how much of each photo was used, by camera id."""
    for camera_id, share in written.kept.items():
        names = [photo.name for photo in groups[camera_id - 1].photos]
        aside = written.shares[camera_id] - share
        more = f", and {aside:.0%} beside it in pictures of their own" if aside >= 0.005 else ""
        yield (
            f"A fisheye lens took {_some(names)}: of each photo the {share:.0%} that lies within {WIDEST_DEG:.0f} "
            f"degrees was straightened and used{more}."
        )


def of_lenses(groups: Sequence[CameraGroup], focals: Mapping[int, float], *, doubtful: bool) -> Iterator[str]:
    """Of photos that were taken for one camera's and were not; `focals` are in pixels, by camera id."""
    known = [replace(group, focal=focals.get(number, group.focal)) for number, group in enumerate(groups, 1)]
    told = sorted((group for group in known if group.told), key=lambda group: (-len(group.photos), group.focal))
    if len(told) > 1 and max(len(group.photos) for group in told) > 1:
        kinds = {"ordinary": "a focal length of", "fisheye": "a fisheye's of"}
        some = ", ".join(
            f"{_some([photo.name for photo in group.photos])} with {kinds[group.told]} {group.focal:.0f} pixels"
            for group in told[:_FEW_LENSES]
        )
        more = f", and {len(told) - _FEW_LENSES} more" if len(told) > _FEW_LENSES else ""
        yield (
            "The headers (EXIF) of the photos do not tell them apart, but they were taken with several lenses, or "
            f"zoomed: {some}{more}. Each lens got a camera of its own."
        )
    elif len(told) > 1:
        yield (
            f"{len(told)} photos were taken with as many focal lengths, from {told[0].focal:.0f} to "
            f"{told[-1].focal:.0f} pixels, which their headers (EXIF) do not tell. Each got a camera of its own; "
            "photos taken without zooming give a better result."
        )
    if doubtful:
        yield (
            "Photos that say the same of their camera do not seem to share a lens, and could not be told apart: the "
            "cameras may be off by some degrees. Give the photos of one lens and one focal length, or photos with "
            "their headers (EXIF)."
        )


def of_masks(photos: Sequence[PhotoHeader], masks: Evidence | None, attempt: Attempt) -> Iterator[str]:
    """Whether cameras were found inside of the masks alone, and why."""
    given = len(set(frames_of(photos)))
    transparent = len({photo.given for photo in photos if photo.has_alpha})
    masked = len({photo.given for photo in photos if photo.mask is not None})
    if not transparent and not masked:
        return
    if transparent:
        said = f"{transparent} of {given} photos are partly transparent"
    else:
        said = f"{masked} of {given} photos have a mask"
    if masks is None:
        yield f"{said}: cameras were found by what they keep." if transparent else f"{said}."
    elif used_masks(attempt):
        why = f", for {masks.reason}" if masks.heeded else ", for without them fewer photos could be placed"
        yield f"{said}: cameras were found by what they keep{why}."
    else:
        why = masks.reason if not masks.heeded else "with less fewer photos could be placed"
        yield f"{said}: cameras were found by all that the photos show, for {why}."


def of_video(photos: Sequence[PhotoHeader], error: float) -> Iterator[str]:
    """What a video's frames have and photos have not: a lens that changes from frame to frame."""
    if error > LOOSE_VIDEO_PX and 2 * sum(photo.frame is not None for photo in photos) > len(photos):
        yield (
            f"The cameras of the video fit loosely ({error:.1f} px): its stabilisation, or a fast turn, changes what "
            "the lens shows from frame to frame. Switch stabilisation off and move slowly for a sharper splat."
        )


def _some(names: Sequence[str]) -> str:
    """One name, or how many photos and the first few names."""
    if len(names) == 1:
        return names[0]
    return f"{len(names)} photos ({', '.join(names[:3])}{', ...' if len(names) > 3 else ''})"


def of_photos(
    evidence: reasons.Evidence,
    groups: Sequence[CameraGroup],
    left_out: Mapping[str, str],
    near_duplicates: int,
    options: SfmOptions,
) -> Iterator[str]:
    """What the user should know of a reconstruction that is delivered."""
    photos = evidence.given
    if near_duplicates:
        yield f"{near_duplicates} photos nearly repeat the one before them and were left out; {len(photos)} are plenty."
    share = 1 - len(left_out) / len(photos)
    scenes = reasons.separate_scenes(evidence)
    several = (
        f"The photos show {len(scenes)} scenes that have nothing in common, of which the first was reconstructed: "
        f"{reasons.describe_scenes(scenes)}."
    )
    if share < options.warn_share:
        names = ", ".join(left_out)
        missing = f"Only {len(photos) - len(left_out)} of {len(photos)} photos could be placed; missing: {names}."
        yield " ".join(filter(None, [missing, several if scenes else "", reasons.asked_lens(options)]))
    elif scenes:
        yield several
    alone = [group for group in groups if not group.has_prior and len(group.photos) == 1]
    if len(alone) > 1 and len(alone) > len(photos) // 2:
        yield (
            f"{len(alone)} photos say nothing about their camera, so each got one of its own; photos with EXIF "
            "data, all from one camera, give a better result."
        )


def of_a_bend(photos: Sequence[PhotoHeader], attempt: Attempt) -> Iterator[str]:
    """Of parts of the scene that do not fit the rest closely."""
    if attempt.inspection.bent:
        names = [photos[image_id - 1].given for image_id in sorted(attempt.inspection.bent)]
        yield (
            f"The scene may be bent: the cameras of {_some(names)} fit each other, but not closely those of the "
            "other photos. Photos taken on the way from the one part to the other would hold them together."
        )


def of_like_things(graph: MatchGraph, attempt: Attempt) -> Iterator[str]:
    """Of pairs that were not used since they contradict the others."""
    if attempt.unused_pairs:
        yield (
            f"The matches of {attempt.unused_pairs} of {len(graph.inliers)} pairs of photos contradict the cameras and "
            "were not used: parts of the scene look alike. More photos, closer to one another, make such a scene safer."
        )
