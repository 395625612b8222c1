"""A ladder of attempts on the same matches: each rung is for a way in which the one before fails.

The first full rung is right nearly always and costs nothing extra. A rung's model is taken at once when it is plausible
and holds (nearly) every photo that overlaps with others; otherwise the next is tried and the best one wins.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from splatworker.sfm import draft, gate, mapping
from splatworker.sfm.cameras import CameraGroup
from splatworker.sfm.colmap import pycolmap
from splatworker.sfm.graph import MatchGraph
from splatworker.sfm.mapping import MapperPreset
from splatworker.sfm.watch import Span
from splatworker.sfm.workbench import Workbench

MAY_MISS = 0.05
"""Share of the overlapping photos that a rung may miss and still be taken at once."""


@dataclass(frozen=True)
class Rung:
    """One attempt. `mapper` None stands for strict verification and global mapping."""

    name: str
    mapper: MapperPreset | None
    wants_prior: bool = False


RUNGS = (
    # Photos with features to spare, as a GPU finds them: a third of the time. Left as soon as a photo is missing, which
    # may have been placed by its finer features.
    Rung("draft", MapperPreset(draft=True)),
    # Short bundle adjustments, focal length and distortion refined: right nearly always.
    Rung("incremental", MapperPreset()),
    # The focal length runs away in the first pairs (far, flat scenes): hold it where the header tells it.
    Rung("held intrinsics", MapperPreset(hold_intrinsics=True), wants_prior=True),
    # A distant scene walked past, where no pair of rays meets under the usual angles. Intrinsics are held where
    # they are known: under small angles they and depth are nearly the same thing.
    Rung("low angles, held intrinsics", MapperPreset(hold_intrinsics=True, low_angles=True), wants_prior=True),
    Rung("low angles", MapperPreset(low_angles=True)),
    # No good first pair anywhere: solve for all cameras at once.
    Rung("strict and global", None),
)


@dataclass(frozen=True)
class Attempt:
    """What a rung gave.

    Attributes:
        look: name of the features it stood on.
        model: its largest model, None where it gave none.
        others: image ids of its other models.
        seconds: what it cost.
    """

    look: str
    rung: str
    model: pycolmap.Reconstruction | None
    others: tuple[frozenset[int], ...]
    inspection: gate.Inspection
    seconds: float

    @property
    def registered(self) -> int:
        """Photos with a camera that can be true."""
        return self.model.num_reg_images() - len(self.inspection.astray) if self.model else 0

    @property
    def plausible(self) -> bool:
        """There is a model and it can be trained on."""
        return self.model is not None and not self.inspection.faults

    def merit(self) -> tuple[bool, int, float]:
        """Attempts compare by this: plausible, photos registered, reprojection error."""
        error = self.model.compute_mean_reprojection_error() if self.model else 0.0
        return self.plausible, self.registered, -error


def climb(bench: Workbench, look: str, groups: Sequence[CameraGroup], graph: MatchGraph, span: Span) -> list[Attempt]:
    """Try rung after rung until one is good enough; every attempt made, in order."""
    has_prior = any(group.has_prior for group in groups)
    attempts: list[Attempt] = []
    for number, rung in enumerate(RUNGS):
        if rung.wants_prior and not has_prior:
            continue
        drafted = rung.mapper is not None and rung.mapper.draft
        if drafted and not draft.is_worthwhile(bench.database):
            continue
        start = time.monotonic()
        output = bench.folder / f"rung{number}"
        if rung.mapper is None:
            models = mapping.map_globally(bench, output, span)
        else:
            models = mapping.map_incrementally(bench, output, rung.mapper, len(graph.images), span)
        found = gate.inspect(models[0], groups) if models else gate.Inspection()
        others = tuple(frozenset(model.reg_image_ids()) for model in models[1:])
        seconds = time.monotonic() - start
        attempts.append(Attempt(look, rung.name, models[0] if models else None, others, found, seconds))
        if good_enough(attempts[-1], graph, may_miss=0.0 if drafted else MAY_MISS):
            break
    return attempts


def good_enough(attempt: Attempt, graph: MatchGraph, may_miss: float = MAY_MISS) -> bool:
    """The attempt is plausible and holds nearly every photo that hangs together with most others."""
    overlapping = len(graph.components()[0])
    return attempt.plausible and attempt.registered >= overlapping - int(may_miss * overlapping)


def best(attempts: Sequence[Attempt]) -> Attempt:
    """The attempt with the greatest merit; the earlier one where they are equal."""
    return max(attempts, key=Attempt.merit)
