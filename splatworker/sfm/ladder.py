"""A ladder of attempts on the same matches: each rung is for a way in which the one before fails.

Before the first rung the photos are mapped in rounds (`rounds`), which takes a third of its time and is left as soon as
a photo is missing. What comes of that also says which rungs are of use (`rungs_after`). The first full rung is right
nearly always and costs nothing extra. A rung's model is taken at once when it is plausible and holds (nearly) every
photo that overlaps with others; otherwise the next is tried and the best one wins.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from splatworker.sfm import agreement, draft, gate, mapping, repeated_structures, rounds
from splatworker.sfm.cameras import CameraGroup
from splatworker.sfm.colmap import pycolmap
from splatworker.sfm.graph import MatchGraph
from splatworker.sfm.mapping import MapperPreset
from splatworker.sfm.options import Engine
from splatworker.sfm.pairs import Pair
from splatworker.sfm.watch import Span
from splatworker.sfm.workbench import Workbench

MAY_MISS = 0.05
"""Share of the overlapping photos that a rung may miss and still be taken at once."""


CLEARLY_BETTER = 0.8
"""An attempt that contradicts the headers needs so small a share of the reprojection error of one that agrees: a focal
length that may move fits a little better always. Photos cropped to 45 %, headers untouched: 0.36."""

FEWEST_SECONDS, SECONDS_A_PHOTO, TIMES_AS_LONG = 20.0, 3.0, 3.0
"""After the first rung none may take longer than the longest of these: so many seconds, so many a photo, so many times
as long as the longest before it. They all do the same work, so one that takes longer is lost."""

FALLS_SHORT = 0.2
"""Our own mapper's model lacks photos if it holds all that it has soundly, and misses a larger share than this of those
that overlap. Then every incremental rung placed the same photos as it, and no more: 8 of banana's 15 on the quick look,
7 of 10 of conch's, 3 of 6 of brighton's."""

HELD = "held intrinsics"


@dataclass(frozen=True)
class Rung:
    """One attempt. `mapper` None stands for strict verification and global mapping."""

    name: str
    mapper: MapperPreset | None
    wants_prior: bool = False
    strongest_pairs: bool = False


RUNGS = (
    # Photos with features to spare, as a GPU finds them: a third of the time. Left as soon as a photo is missing, which
    # may have been placed by its finer features.
    Rung("draft", MapperPreset(draft=True)),
    # Short bundle adjustments, focal length and distortion refined: right nearly always.
    Rung("incremental", MapperPreset()),
    # Parts of the scene look alike, and pairs of photos match that do not show the same: by the strongest alone.
    Rung("strongest pairs", MapperPreset(), strongest_pairs=True),
    # A header that is wrong spoils the very first pairs: once more as if it told nothing.
    Rung("without header", MapperPreset(without_header=True), wants_prior=True),
    # The focal length runs away in the first pairs (far, flat scenes): hold it where the header tells it.
    Rung(HELD, MapperPreset(hold_intrinsics=True), wants_prior=True),
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
        others: frames of its other models.
        seconds: what it cost.
        engine: whose mapper it was.
        unused_pairs: verified pairs of photos that contradict the model and were not used, as of like things.
    """

    look: str
    rung: str
    model: pycolmap.Reconstruction | None
    others: tuple[frozenset[int], ...]
    inspection: gate.Inspection
    seconds: float
    engine: Engine = "colmap"
    unused_pairs: int = 0

    @property
    def registered(self) -> int:
        """Photos with a camera that can be true; the views of a panorama are one."""
        return self.model.num_reg_frames() - len(self.inspection.implausible_images) if self.model else 0

    @property
    def sound(self) -> int:
        """Photos of these but those of the smaller parts of a bent model."""
        return self.registered - len(self.inspection.bent)

    @property
    def plausible(self) -> bool:
        """There is a model and it can be trained on."""
        return self.model is not None and not self.inspection.faults

    @property
    def doubted(self) -> bool:
        """It contradicts what the photos' headers say."""
        return bool(self.inspection.doubted)

    @property
    def error(self) -> float:
        """Mean reprojection error in pixels."""
        return float(self.model.compute_mean_reprojection_error()) if self.model else 0.0

    def merit(self) -> tuple[bool, int, float]:
        """Attempts of which none is doubted compare by this: plausible, sound photos, reprojection error."""
        return self.plausible, self.sound, -self.error


def begin(bench: Workbench, look: str, groups: Sequence[CameraGroup], graph: MatchGraph, span: Span) -> list[Attempt]:
    """What comes before the first rung, where it suits: an attempt in rounds."""
    if not rounds.suits(bench):
        return []
    return [_in_rounds(bench, look, groups, agreement.read_verified(bench.database), len(graph.images), span)]


def climb(
    bench: Workbench,
    look: str,
    groups: Sequence[CameraGroup],
    graph: MatchGraph,
    span: Span,
    begun: Sequence[Attempt] | None = None,
    *,
    last: bool = True,
) -> list[Attempt]:
    """Try rung after rung until one is good enough; every attempt made, in order, first that of `begin`.

    Args:
        last: no closer look will follow.
    """
    attempts = list(begin(bench, look, groups, graph, span) if begun is None else begun)
    if attempts and good_enough(attempts[-1], graph, may_miss=0.0):
        return attempts
    has_prior = any(group.has_prior and not group.calibration for group in groups)
    verified = agreement.read_verified(bench.database)
    photos = len(graph.images)
    low_angles = mapping.incremental_options(MapperPreset(low_angles=True), bench, mapping.ONE_THREAD)
    begins = not attempts or rounds.have_beginning(bench, low_angles, verified)
    for number, rung in enumerate(rungs_after(attempts, graph, begins=begins, last=last)):
        if rung.wants_prior and not has_prior:
            continue
        if rung.mapper is not None and rung.mapper.without_header and any(_is_full(one, graph) for one in attempts):
            continue  # the photos have contradicted the header already
        if rung.strongest_pairs:
            if any(one.inspection.contradicted for one in attempts) and not rounds.has_panoramas(bench):
                attempts.append(_by_strongest_pairs(bench, look, groups, verified, photos, span))
                if good_enough(attempts[-1], graph):
                    break
            continue
        drafted = rung.mapper is not None and rung.mapper.draft
        if drafted and not draft.is_worthwhile(bench.database):
            continue
        start = time.monotonic()
        output = bench.folder / f"rung{number}"
        if rung.mapper is None:
            models = mapping.map_globally(bench, output, photos, span)
        else:
            most_seconds = longest_rung(photos, [one.seconds for one in attempts if one.engine == "colmap"])
            models = mapping.map_incrementally(bench, output, rung.mapper, photos, span, most_seconds)
        found = gate.inspect(models[0], groups, verified, threads=bench.threads) if models else gate.Inspection()
        others = tuple(frozenset(model.reg_frame_ids()) for model in models[1:])
        seconds = time.monotonic() - start
        attempts.append(Attempt(look, rung.name, models[0] if models else None, others, found, seconds))
        if good_enough(attempts[-1], graph, may_miss=0.0 if drafted else MAY_MISS) or _is_settled(attempts, graph):
            break
    return attempts


def rungs_after(begun: Sequence[Attempt], graph: MatchGraph, *, begins: bool, last: bool) -> tuple[Rung, ...]:
    """The rungs to try in their order, by what our own mapper found.

    Where no two photos make a beginning for COLMAP's mapper, not even under low angles, it has nothing to stand on: all
    cameras at once come first. Where its model is sound but lacks photos, and a closer look will follow, what it lacks
    is matches: no other way to grow it will do, only all cameras at once.

    Args:
        begins: whether two photos make a beginning.
        last: no closer look will follow.
    """
    at_once = tuple(rung for rung in RUNGS if rung.mapper is None and not rung.strongest_pairs)
    if not begins:
        return at_once + tuple(rung for rung in RUNGS if rung not in at_once)
    if begun and not last and lacks_photos(begun[-1], graph):
        return at_once
    return RUNGS


def lacks_photos(attempt: Attempt, graph: MatchGraph) -> bool:
    """Nothing is wrong with the attempt's model, but that it misses many of the photos that overlap."""
    found = attempt.inspection
    sound = attempt.plausible and not (attempt.doubted or found.implausible_images or found.bent or found.contradicted)
    return sound and attempt.registered < (1 - FALLS_SHORT) * len(graph.components()[0])


def _in_rounds(
    bench: Workbench, look: str, groups: Sequence[CameraGroup], verified: agreement.Verified, photos: int, span: Span
) -> Attempt:
    """What the first full rung is to find, by our own mapper."""
    start = time.monotonic()
    options = mapping.incremental_options(MapperPreset(), bench, mapping.ONE_THREAD)
    model = rounds.map_in_rounds(bench, options, photos, span, verified)
    found = gate.inspect(model, groups, verified, threads=bench.threads) if model else gate.Inspection()
    return Attempt(look, "incremental", model, (), found, time.monotonic() - start, "own")


def _by_strongest_pairs(
    bench: Workbench, look: str, groups: Sequence[CameraGroup], verified: agreement.Verified, photos: int, span: Span
) -> Attempt:
    """Mapped by the strongest pairs, then by all pairs that agree with that; it is asked about the matches of these."""
    start = time.monotonic()
    pairs = repeated_structures.strongest(
        {pair: len(matches) for pair, matches in verified.matches.items() if len(matches)}
    )
    model, engine = _map_pairs(bench, "strongest", pairs, photos, span)
    if model:
        pairs |= repeated_structures.agreeing_pairs(model, verified)
        model, engine = _map_pairs(bench, "agreeing", pairs, photos, span)
    kept = repeated_structures.of_pairs(verified, pairs)
    found = gate.inspect(model, groups, kept, threads=bench.threads) if model else gate.Inspection()
    unused = sum(1 for pair, matches in verified.matches.items() if len(matches) and pair not in pairs)
    seconds = time.monotonic() - start
    return Attempt(look, "strongest pairs", model, (), found, seconds, engine, unused)


def _map_pairs(
    bench: Workbench, name: str, pairs: Collection[Pair], photos: int, span: Span
) -> tuple[pycolmap.Reconstruction | None, Engine]:
    """The largest model by these pairs alone, and whose it is."""
    within = dataclasses.replace(bench, folder=bench.folder / name)
    within.folder.mkdir()
    repeated_structures.keep_pairs(bench.database, within.database, pairs)
    if rounds.suits(within):
        options = mapping.incremental_options(MapperPreset(), within, mapping.ONE_THREAD)
        if model := rounds.map_in_rounds(within, options, photos, span):
            return model, "own"
    models = mapping.map_incrementally(within, within.folder / "models", MapperPreset(), photos, span)
    return (models[0] if models else None), "colmap"


def longest_rung(photos: int, before: Sequence[float]) -> float:
    """Seconds that a rung may take after others that took so many; 0 for the first, which may take what it needs."""
    return max(FEWEST_SECONDS, SECONDS_A_PHOTO * photos, TIMES_AS_LONG * max(before)) if before else 0.0


def good_enough(attempt: Attempt, graph: MatchGraph, may_miss: float = MAY_MISS) -> bool:
    """The attempt holds nearly every photo that it can, and agrees with what the photos' headers say."""
    return not attempt.doubted and _is_full(attempt, graph, may_miss)


def answered(attempts: Sequence[Attempt], graph: MatchGraph) -> bool:
    """Whether an attempt on these matches is as good as any will be."""
    return any(good_enough(attempt, graph) for attempt in attempts) or _is_settled(attempts, graph)


def _is_full(attempt: Attempt, graph: MatchGraph, may_miss: float = MAY_MISS) -> bool:
    """The attempt is plausible, not bent, and holds nearly every photo that hangs together with most others."""
    overlapping = len(graph.components()[0])
    placed = attempt.sound + len(attempt.inspection.other_lens)
    return attempt.plausible and placed >= overlapping - int(may_miss * overlapping)


def _is_settled(attempts: Sequence[Attempt], graph: MatchGraph) -> bool:
    """A full attempt contradicts the headers, and what comes of holding on to them is known, too."""
    held = any(attempt.rung == HELD for attempt in attempts)
    return held and any(attempt.doubted and _is_full(attempt, graph) for attempt in attempts)


def best(attempts: Sequence[Attempt]) -> Attempt:
    """The attempt with the greatest merit; the earlier one where they are equal.

    One that contradicts the photos' headers must be clearly better than any that agrees with them: hold as many photos
    with a reprojection error under `CLEARLY_BETTER` times the other's, or twice as many; or be alone.
    """
    agreeing = [attempt for attempt in attempts if attempt.plausible and not attempt.doubted]
    doubted = [attempt for attempt in attempts if attempt.plausible and attempt.doubted]
    if not doubted:
        return max(attempts, key=Attempt.merit)
    other = max(doubted, key=Attempt.merit)
    if not agreeing:
        return other
    first = max(agreeing, key=Attempt.merit)
    enough = first.registered - int(MAY_MISS * first.registered)
    is_truer = other.registered >= enough and other.error < CLEARLY_BETTER * first.error
    holds_twice = other.registered >= 2 * first.registered and other.error <= first.error
    return other if is_truer or holds_twice else first
