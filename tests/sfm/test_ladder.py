"""Which rungs are tried, when the climbing ends, and which attempt wins; the mapper is replaced by its findings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from splatworker.sfm import agreement, draft, gate, ladder, mapping, repeated_structures, rounds
from splatworker.sfm.cameras import CameraGroup
from splatworker.sfm.colmap import pycolmap
from splatworker.sfm.gate import Inspection
from splatworker.sfm.graph import MatchGraph
from splatworker.sfm.mapping import MapperPreset
from splatworker.sfm.watch import Span
from splatworker.sfm.workbench import Workbench

GRAPH = MatchGraph(tuple(range(1, 21)), {(one, one + 1): 100 for one in range(1, 20)}, {}, 190)
DRAFT, *RUNGS = (rung for rung in ladder.RUNGS if not rung.strongest_pairs)
NAMES = [rung.name for rung in RUNGS]


class Model:
    """So many photos, placed with such an error."""

    def __init__(self, photos: int, error: float = 0.5) -> None:
        self.photos, self.error = photos, error

    def num_reg_frames(self) -> int:
        return self.photos

    def reg_frame_ids(self) -> list[int]:
        return list(range(1, self.photos + 1))

    def compute_mean_reprojection_error(self) -> float:
        return self.error


@dataclass
class Own:
    """What mapping in rounds finds."""

    model: Model | tuple[Model, list[str]] | None


@pytest.fixture
def climb(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Any]:
    """`climb(found, ...)`: the attempts where rungs find these; a model that is not true is a pair with its fault.

    Photos have no features to spare unless it says `plenty`.
    """

    def run(
        *found: Model | list[Any] | tuple[Model, list[str]],
        has_prior: bool = True,
        plenty: bool = False,
        own: Own | None = None,
        last: bool = True,
        begins: bool = True,
    ) -> tuple[Any, ...]:
        results = iter(found)
        asked = []

        def next_models(*asked_for: MapperPreset | str) -> list[Any]:
            asked.append(asked_for)
            result = next(results)
            models = result if isinstance(result, list) else [result]
            return [model[0] if isinstance(model, tuple) else model for model in models]

        grown = own.model if own else None
        faults = {id(model[0]): model[1] for model in (*found, grown) if isinstance(model, tuple)}
        monkeypatch.setattr(mapping, "map_incrementally", lambda *a: next_models("incremental", a[2]))
        monkeypatch.setattr(mapping, "map_globally", lambda *a: next_models("global"))
        monkeypatch.setattr(gate, "inspect", lambda model, *_, **__: Inspection(faults=list(faults.get(id(model), ()))))
        monkeypatch.setattr(agreement, "read_verified", lambda database: agreement.Verified({}, {}))
        monkeypatch.setattr(draft, "is_worthwhile", lambda _: plenty)
        monkeypatch.setattr(rounds, "suits", lambda _: own is not None)
        monkeypatch.setattr(rounds, "map_in_rounds", lambda *_: grown[0] if isinstance(grown, tuple) else grown)
        monkeypatch.setattr(rounds, "have_beginning", lambda *_: begins)
        monkeypatch.setattr(mapping, "incremental_options", lambda *_: None)
        bench = cast(Workbench, SimpleNamespace(folder=tmp_path, database=tmp_path / "database.db", threads=1))
        groups = [cast(CameraGroup, SimpleNamespace(has_prior=has_prior, calibration=None))]
        attempts = ladder.climb(bench, "fast", groups, GRAPH, cast(Span, None), last=last)
        return attempts, asked

    return run


def test_a_first_rung_that_is_good_enough_costs_nothing_more(climb: Callable[..., Any]) -> None:
    attempts, asked = climb(Model(19))  # one of twenty may be missing
    assert [attempt.rung for attempt in attempts] == ["incremental"]
    assert asked == [("incremental", RUNGS[0].mapper)]
    assert attempts[0].registered == 19


def test_our_own_mapper_comes_before_all_and_may_miss_no_photo(climb: Callable[..., Any]) -> None:
    attempts, asked = climb(own=Own(Model(20)), plenty=True)
    assert [(attempt.rung, attempt.engine) for attempt in attempts] == [("incremental", "own")]
    assert asked == []
    for own, last in ((Own(Model(19)), False), (Own(Model(19)), True), (Own(None), True)):
        attempts, asked = climb(Model(20), own=own, last=last)
        assert [attempt.engine for attempt in attempts] == ["own", "colmap"]
        assert asked == [("incremental", RUNGS[0].mapper)]
        assert ladder.best(attempts).engine == "colmap"
    alone, _ = climb(Model(12), Model(11), Model(10), Model(9), Model(9), Model(9), own=Own(Model(15)))
    assert ladder.best(alone).engine == "own"


def test_where_no_two_photos_make_a_beginning_all_cameras_at_once_come_first(climb: Callable[..., Any]) -> None:
    attempts, asked = climb(Model(20), own=Own(None), begins=False)
    assert [attempt.rung for attempt in attempts] == ["incremental", NAMES[-1]]
    assert asked == [("global",)]
    assert ladder.best(attempts) is attempts[1]
    attempts, asked = climb(*[Model(4)] * len(RUNGS), own=Own(None), begins=False)
    assert asked == [("global",), *(("incremental", rung.mapper) for rung in RUNGS[:-1])]
    _, asked = climb(Model(20), own=Own(Model(12)), begins=False)
    assert asked == [("global",)], "though our own mapper began with less, and holds a part"


def test_a_sound_model_that_lacks_photos_waits_for_a_closer_look_and_not_for_the_mapper(
    climb: Callable[..., Any],
) -> None:
    attempts, asked = climb(Model(14), own=Own(Model(15)), last=False)
    assert asked == [("global",)]
    assert ladder.best(attempts).registered == 15
    _, asked = climb(*[Model(14)] * len(RUNGS), own=Own(Model(15)))
    assert len(asked) == len(RUNGS), "no closer look will follow: every rung is tried"
    _, asked = climb(*[Model(14)] * len(RUNGS), own=Own(Model(16)), last=False)
    assert len(asked) == len(RUNGS), "a fifth may be missing"
    _, asked = climb(*[Model(14)] * len(RUNGS), own=Own((Model(15), ["it cannot be"])), last=False)
    assert len(asked) == len(RUNGS), "the model is wrong, and a rung may mend that"


def test_a_draft_comes_first_where_features_are_plenty(climb: Callable[..., Any]) -> None:
    attempts, asked = climb(Model(20), plenty=True)
    assert [attempt.rung for attempt in attempts] == [DRAFT.name]
    assert asked == [("incremental", DRAFT.mapper)]
    assert DRAFT.mapper
    assert DRAFT.mapper.draft
    assert not any(rung.mapper and rung.mapper.draft for rung in RUNGS[:-1])


def test_a_draft_may_miss_no_photo(climb: Callable[..., Any]) -> None:
    attempts, _ = climb(Model(19), Model(20), plenty=True)
    assert [attempt.rung for attempt in attempts] == [DRAFT.name, "incremental"]
    assert ladder.best(attempts).registered == 20


def test_rungs_are_tried_in_their_order_with_their_presets_and_the_best_wins(climb: Callable[..., Any]) -> None:
    attempts, asked = climb(Model(3), Model(4), Model(18), [], Model(17), Model(18, error=0.9))
    assert [attempt.rung for attempt in attempts] == NAMES
    assert asked == [*(("incremental", rung.mapper) for rung in RUNGS[:-1]), ("global",)]
    assert ladder.best(attempts).rung == "held intrinsics"  # as many photos as the last, and truer
    assert attempts[3].registered == 0
    assert not attempts[3].plausible


def test_held_intrinsics_want_to_be_known(climb: Callable[..., Any]) -> None:
    attempts, _ = climb(Model(3), Model(3), Model(3), has_prior=False)
    assert [attempt.rung for attempt in attempts] == [rung.name for rung in RUNGS if not rung.wants_prior]


def test_a_model_that_cannot_be_true_is_not_taken_however_many_photos_it_has(climb: Callable[..., Any]) -> None:
    attempts, _ = climb((Model(20), ["the cameras stand in one spot"]), Model(20))
    assert [attempt.rung for attempt in attempts] == NAMES[:2]
    assert ladder.best(attempts).rung == NAMES[1]
    lone, _ = climb((Model(20), ["bent"]), Model(4), Model(4), Model(4), Model(4), Model(4))
    assert ladder.best(lone).registered == 4


def attempt(
    registered: int,
    error: float,
    *,
    doubted: bool = False,
    faults: list[str] | None = None,
    bent: int = 0,
    rung: str = "x",
) -> ladder.Attempt:
    model = SimpleNamespace(num_reg_frames=lambda: registered, compute_mean_reprojection_error=lambda: error)
    found = gate.Inspection(faults=faults or [], doubted={1: "it does"} if doubted else {}, bent=set(range(bent)))
    return ladder.Attempt("fast", rung, cast(pycolmap.Reconstruction, model), (), found, 1.0)


FULL = MatchGraph(tuple(range(1, 12)), {(n, n + 1): 100 for n in range(1, 11)}, {}, 10)


def test_a_model_that_contradicts_the_header_must_be_clearly_better() -> None:
    agreeing = attempt(11, 1.0)
    assert ladder.best([attempt(11, 0.4, doubted=True), agreeing]).doubted
    assert ladder.best([attempt(11, 0.9, doubted=True), agreeing]) is agreeing
    assert ladder.best([attempt(7, 0.4, doubted=True), agreeing]) is agreeing
    assert ladder.best([attempt(11, 0.9, doubted=True), attempt(5, 1.0)]).doubted
    assert ladder.best([attempt(11, 0.9, doubted=True), attempt(11, 0.1, faults=["it cannot be"])]).doubted
    assert ladder.best([attempt(9, 0.9), attempt(10, 1.9)]).registered == 10


def test_the_strongest_pairs_alone_are_for_a_model_that_its_matches_contradict(
    climb: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Of 19 pairs one contradicts what comes of the others, and they alone are asked in the end."""
    matches = {pair: np.zeros((count, 2), np.uint32) for pair, count in GRAPH.inliers.items()}
    first, last = Model(20), Model(20)
    mapped: list[tuple[str, int]] = []

    def map_pairs(_bench: Workbench, name: str, pairs: set[tuple[int, int]], *_: Any) -> tuple[Model, str]:
        mapped.append((name, len(pairs)))
        return last, "own"

    def inspect(model: Model, _groups: Any, verified: agreement.Verified, *, threads: int) -> Inspection:
        assert len(verified.matches) == (19 if model is first else 18)
        return Inspection(faults=["it is contradicted"], contradicted=True) if model is first else Inspection()

    climb(first)  # the rest of what a climb asks is stood in for
    monkeypatch.setattr(mapping, "map_incrementally", lambda *_: [first])
    monkeypatch.setattr(gate, "inspect", inspect)
    monkeypatch.setattr(agreement, "read_verified", lambda _: agreement.Verified({}, matches))
    monkeypatch.setattr(rounds, "has_panoramas", lambda _: False)
    monkeypatch.setattr(repeated_structures, "strongest", lambda inliers: set(list(inliers)[:17]))
    monkeypatch.setattr(repeated_structures, "agreeing_pairs", lambda *_: set(list(matches)[:18]))
    monkeypatch.setattr(ladder, "_map_pairs", map_pairs)
    bench = cast(Workbench, SimpleNamespace(folder=tmp_path, database=tmp_path / "database.db", threads=1))
    groups = [cast(CameraGroup, SimpleNamespace(has_prior=False, calibration=None))]
    attempts = ladder.climb(bench, "fast", groups, GRAPH, cast(Span, None))
    assert mapped == [("strongest", 17), ("agreeing", 18)]
    assert [attempt.rung for attempt in attempts] == [NAMES[0], "strongest pairs"]
    assert ladder.best(attempts) is attempts[1]
    assert (attempts[1].unused_pairs, attempts[1].engine) == (1, "own")


def test_a_bent_model_is_taken_only_where_there_is_nothing_better() -> None:
    bent = attempt(11, 0.9, bent=4)
    assert not ladder.good_enough(bent, FULL)
    assert ladder.best([bent, attempt(10, 1.0)]).registered == 10
    assert ladder.best([bent, attempt(6, 0.5)]) is bent
    assert ladder.best([bent]).plausible


def test_the_climb_ends_when_both_sides_are_heard() -> None:
    doubted = attempt(11, 0.4, doubted=True)
    assert not ladder.answered([doubted], FULL)
    assert ladder.answered([doubted, attempt(11, 1.0, rung=ladder.HELD)], FULL)
    assert ladder.answered([attempt(11, 1.0)], FULL)
    assert not ladder.answered([attempt(5, 0.4, doubted=True), attempt(5, 1.0, rung=ladder.HELD)], FULL)


def test_no_rung_takes_much_longer_than_those_before() -> None:
    assert ladder.longest_rung(11, []) == 0
    assert ladder.longest_rung(11, [0.8, 2.0]) == 33
    assert ladder.longest_rung(3, [0.8]) == 20
    assert ladder.longest_rung(11, [50.0, 2.0]) == 150
