"""Why a photo was left out, and why a whole job failed: sentences for the person who took the photos.

Everything stands in what the stage found on its way: keypoints, match graph, two-view geometries, the models, and
the sharpness of the photos in question.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from splatworker.errors import NoFeatures, NoOverlap, NoReconstruction, ReconstructionError
from splatworker.sfm.duplicates import find_near_duplicates
from splatworker.sfm.graph import MatchGraph
from splatworker.sfm.ladder import Attempt
from splatworker.sfm.options import SfmOptions
from splatworker.sfm.photo import PhotoHeader
from splatworker.sfm.pure_rotation import taken_from_one_spot, turned_from_others
from splatworker.sfm.sharpness import photo_quality

FEW_KEYPOINTS = 200
"""A photo with fewer has too little to be found again; ordinary ones have thousands."""

_SCENE_SIZE = 3
"""So many photos that match each other but not the rest are a scene of their own."""

SHOOTING_HINT = (
    "Walk around the subject and take 20 or more sharp photos, each showing at least two thirds of what the one "
    "before it shows."
)


@dataclass(frozen=True)
class Evidence:
    """What is known of the photos; images are counted from 1 in the order of `photos`.

    The views of a panorama are judged as one, by the id of the first: the graph's images.

    Attributes:
        folder: where the photos lie.
        keypoints: image id -> number of keypoints.
    """

    photos: Sequence[PhotoHeader]
    folder: Path
    keypoints: Mapping[int, int]
    graph: MatchGraph

    def name(self, image_id: int) -> str:
        """File name of an image, or of the panorama that it was cut out of."""
        return self.photos[image_id - 1].given

    @property
    def given(self) -> list[PhotoHeader]:
        """The photos, of each panorama its first view."""
        return [self.photos[image_id - 1] for image_id in self.graph.images]


def why_left_out(evidence: Evidence, attempt: Attempt, kept: set[int]) -> dict[str, str]:
    """Photo name -> one sentence, for every photo that has no camera in the chosen model."""
    neighbours = evidence.graph.neighbours()
    together = [set(model) - kept for model in attempt.others] + evidence.graph.components()
    scenes = [
        photos
        for photos in together
        if len(photos) >= _SCENE_SIZE and not photos & kept and not any(neighbours[one] & kept for one in photos)
    ]
    return {
        evidence.name(image_id): _why(evidence, image_id, attempt, kept, scenes)
        for image_id in evidence.graph.images
        if image_id not in kept
    }


def _why(evidence: Evidence, image_id: int, attempt: Attempt, kept: set[int], scenes: Sequence[set[int]]) -> str:
    if clause := attempt.inspection.implausible_images.get(image_id):
        return f"This photo was left out because {clause}."
    if sentence := _unusable(evidence, image_id):
        return sentence
    for scene in scenes:
        if image_id in scene:
            return (
                f"This photo shows a different scene than the rest: it matches {len(scene) - 1} other photos, but "
                "none of those that were used."
            )
    links = evidence.graph.neighbours()[image_id]
    if not links:
        return "This photo does not overlap with any other photo."
    if turned_from_others(evidence.graph, evidence.photos, image_id):
        return "This photo was taken from one spot with those that it overlaps with: no depth can be computed from it."
    if not links & kept:
        return "This photo overlaps only with photos that could not be used either."
    count = len(links & kept)
    others = "one other photo" if count == 1 else f"{count} other photos"
    return f"This photo overlaps with {others}, but not enough to tell where it was taken from."


def _unusable(evidence: Evidence, image_id: int) -> str:
    """What is wrong with a photo by itself, or ""."""
    look = photo_quality(evidence.photos[image_id - 1].within(evidence.folder))
    if look.blank:
        return "This photo is blank or nearly so: there is nothing in it to recognise."
    if look.blurred:
        return "This photo is blurred."
    if evidence.keypoints[image_id] < FEW_KEYPOINTS:
        return f"This photo shows too little detail: {evidence.keypoints[image_id]} points could be recognised in it."
    return ""


def why_no_features(evidence: Evidence) -> NoFeatures | None:
    """The error of a set in which fewer than two photos have anything to recognise."""
    rich = [image_id for image_id, count in evidence.keypoints.items() if count >= FEW_KEYPOINTS]
    if len(rich) >= 2:
        return None
    return NoFeatures(
        f"There is too little detail in the photos: {_common_fault(evidence)}.",
        hint="Take sharp photos in good light of something with texture; plain walls and shiny or transparent "
        "objects cannot be reconstructed.",
    )


def why_no_overlap(evidence: Evidence) -> NoOverlap | None:
    """The error of a set in which no three photos show the same thing."""
    largest = evidence.graph.components()[0]
    if len(largest) >= _SCENE_SIZE:
        return None
    fault = _common_fault(evidence, least=0.5)
    because = f" ({fault})" if fault else ""
    return NoOverlap(
        f"The photos do not overlap: among {len(evidence.given)} photos no three show the same thing{because}.",
        hint=SHOOTING_HINT,
    )


def why_no_depth(evidence: Evidence, attempts: Sequence[Attempt]) -> NoReconstruction | None:
    """The error of photos that were taken from one spot, or that are all the same."""
    flat = any(attempt.inspection.flat for attempt in attempts) and not any(a.plausible for a in attempts)
    if not flat and not taken_from_one_spot(evidence.graph, evidence.photos):
        return None
    if same := _why_all_the_same(evidence):
        return same
    return NoReconstruction(
        "The photos seem to be taken from one spot: they overlap, but no depth can be computed from them.",
        hint="Move between photos, a step to the side for each, instead of turning on the spot.",
    )


def _why_all_the_same(evidence: Evidence) -> NoReconstruction | None:
    repeats = find_near_duplicates(evidence.given, evidence.folder, plenty=1)
    different = len(evidence.given) - len(repeats)
    if different >= _SCENE_SIZE:
        return None
    name, other = next(iter(repeats.items()))
    return NoReconstruction(
        f"Nearly all of {len(evidence.given)} photos show the same: {name}, for one, what {other} shows.",
        hint=SHOOTING_HINT,
    )


def asked_lens(options: SfmOptions) -> str:
    """What is to be thought of where photos are missing and the caller has said which lens took them, or ""."""
    if options.camera_model == "auto":
        return ""
    return f"The camera model {options.camera_model} was asked for (camera_model): without it the photos tell theirs."


def why_no_reconstruction(
    evidence: Evidence, attempts: Sequence[Attempt], hint: str = SHOOTING_HINT
) -> ReconstructionError:
    """The error when photos overlap, but no rung gave a model that can be true."""
    clauses = [fault for attempt in attempts for fault in attempt.inspection.faults]
    fault = _common_fault(evidence, least=0.5)
    because = f": {fault}" if fault else f" ({clauses[0]})" if clauses else ""
    return NoReconstruction(
        f"Some photos overlap, but no consistent set of cameras explains them{because}.",
        hint=hint,
    )


def why_too_few(evidence: Evidence, attempt: Attempt, least: int, hint: str = SHOOTING_HINT) -> NoReconstruction:
    """The error when a model holds fewer photos than can be delivered."""
    assert attempt.model is not None
    kept = set(attempt.model.reg_frame_ids()) - set(attempt.inspection.implausible_images)
    left_out = why_left_out(evidence, attempt, kept)
    counts: dict[str, int] = {}
    for sentence in left_out.values():
        counts[sentence] = counts.get(sentence, 0) + 1
    example = max(counts, key=lambda sentence: counts[sentence])
    name = next(name for name, sentence in left_out.items() if sentence == example)
    return NoReconstruction(
        f"Only {len(kept)} of {len(evidence.given)} photos could be placed, fewer than the {least} that are needed. "
        f"Of {name}: {example}",
        hint=hint,
    )


def separate_scenes(evidence: Evidence) -> list[list[str]]:
    """The photos of scenes that have nothing in common, names by scene, largest first; empty if there is one."""
    scenes = [scene for scene in evidence.graph.components() if len(scene) >= _SCENE_SIZE]
    if len(scenes) < 2:
        return []
    return [[evidence.name(image_id) for image_id in sorted(scene)] for scene in scenes]


def describe_scenes(scenes: Sequence[Sequence[str]]) -> str:
    """Scenes by their sizes and first photos: "5 of them (a.jpg, ...), 4 of them (b.jpg, ...)"."""
    return ", ".join(f"{len(scene)} of them ({scene[0]}, ...)" for scene in scenes)


def why_several_scenes(evidence: Evidence, least: int) -> NoReconstruction | None:
    """The error of photos of several scenes, none of them with enough photos to be delivered alone."""
    scenes = separate_scenes(evidence)
    if not scenes or len(scenes[0]) >= least:
        return None
    return NoReconstruction(
        f"The photos show {len(scenes)} scenes that have nothing in common: {describe_scenes(scenes)}. "
        f"Each has fewer photos than the {least} that are needed.",
        hint="Give the photos of one scene at a time; if it is one, add photos that lead from one part to the next.",
    )


def _common_fault(evidence: Evidence, least: float = 0.0) -> str:
    """The fault that most photos have, a clause with its count, if at least the share `least` has it; or ""."""
    looks = [photo_quality(photo.within(evidence.folder)) for photo in evidence.given]
    total = len(looks)
    blank, blurred = sum(look.blank for look in looks), sum(look.blurred for look in looks)
    if max(blank, blurred) > 0 and blank + blurred >= least * total:
        parts = [f"{count} of {total} are {word}" for count, word in ((blank, "blank"), (blurred, "blurred")) if count]
        return " and ".join(parts)
    poor = sum(count < FEW_KEYPOINTS for count in evidence.keypoints.values())
    return f"{poor} of {total} show hardly any" if poor and poor >= least * total else ""
