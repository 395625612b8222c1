"""The parts of the two-view kernel beside their twins in numpy: random numbers, solvers, scores, refinement."""

from __future__ import annotations

import numpy as np
import pytest
from support import two_views
from support.two_view_runs import PIXEL, refine, score
from support.two_views import TwoPhotos, apart, photograph

from splatworker.sfm import two_view

if two_view.has_kernel():
    from splatworker import _two_view as kernel

pytestmark = pytest.mark.skipif(not two_view.has_kernel(), reason="this installation has no two-view kernel")


# --- numbers by their number


def test_random_numbers_are_those_of_the_paper() -> None:
    """Known answers of Random123, the authors' own code."""
    most = 0xFFFFFFFF
    assert kernel.philox(0, 0, 0, 0, 0, 0).tolist() == [0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8]
    assert kernel.philox(most, most, most, most, most, most).tolist() == [
        0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD,
    ]  # fmt: skip
    pi = (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344, 0xA4093822, 0x299F31D0)
    assert kernel.philox(*pi).tolist() == [0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1]


# --- minimal solvers


def test_five_matches_give_the_essential_matrix() -> None:
    rng = np.random.default_rng(1)
    raw, polished = [], []
    for _ in range(200):
        photos = photograph(rng, 5)
        found = kernel.essentials(np.c_[photos.first, photos.second])
        best = min(found, key=lambda model: apart(model, photos.essential))
        raw.append(apart(best, photos.essential))
        polished.append(apart(refine("E", best, photos)[0], photos.essential))
    assert np.quantile(raw, 0.9) < 1e-9
    assert max(raw) < 1e-3  # where two solutions lie close to each other, each is known less well
    assert np.quantile(polished, 0.97) < 1e-9


def test_all_solutions_are_found_as_by_an_action_matrix() -> None:
    rng = np.random.default_rng(2)
    same = 0
    for _ in range(100):
        photos = photograph(rng, 5)
        found = kernel.essentials(np.c_[photos.first, photos.second])
        twins = two_views.essentials(photos.first, photos.second)
        same += len(found) == len(twins) and all(min(apart(twin, model) for model in found) < 1e-5 for twin in twins)
    assert same >= 95  # the rest have double roots, which either may miss


@pytest.mark.parametrize(("solver", "count", "flat"), [("fundamentals", 7, False), ("homographies", 4, True)])
def test_linear_solvers_are_exact(solver: str, count: int, flat: bool) -> None:
    rng = np.random.default_rng(3)
    errors = []
    for _ in range(200):
        photos = photograph(rng, count, flat=flat)
        truth = photos.rotation + np.outer(photos.translation, two_views.PLANE) if flat else photos.essential
        found = getattr(kernel, solver)(np.c_[photos.first, photos.second])
        errors.append(min(apart(model, truth) for model in found))
    assert np.quantile(errors, 0.99) < 1e-9
    assert max(errors) < 1e-6


def test_solutions_are_what_they_are_called() -> None:
    photos = photograph(np.random.default_rng(4), 7)
    for model in kernel.fundamentals(np.c_[photos.first, photos.second]):
        assert abs(np.linalg.det(model)) < 1e-12
    five = TwoPhotos(photos.rotation, photos.translation, photos.first[:5], photos.second[:5])
    for model in kernel.essentials(np.c_[five.first, five.second]):
        values = np.linalg.svd(model, compute_uv=False)
        assert values[0] == pytest.approx(values[1], rel=1e-6)
        assert values[2] < 1e-6
        assert two_views.squared_errors("E", model, five.first, five.second, PIXEL).max() < 1e-12


@pytest.mark.parametrize("solver", ["essentials", "fundamentals", "homographies"])
def test_solvers_survive_what_has_no_solution(solver: str) -> None:
    count = {"essentials": 5, "fundamentals": 7, "homographies": 4}[solver]
    line = np.linspace(0, 1, count)
    for matches in (
        np.zeros((count, 4)),
        np.full((count, 4), 0.3),
        np.full((count, 4), np.nan),
        np.full((count, 4), 1e300),
        np.stack([line, line, 2 * line, line], axis=1),
    ):
        for model in getattr(kernel, solver)(matches):
            assert np.isfinite(model).all()
    with pytest.raises(ValueError, match="minimal"):
        getattr(kernel, solver)(np.zeros((count + 1, 4)))


# --- scores and refinement


@pytest.mark.parametrize("kind", ["E", "F", "H", "R"])
@pytest.mark.parametrize("count", [1, 7, 8, 129, 1000])
def test_the_score_is_that_of_its_twin(kind: str, count: int) -> None:
    rng = np.random.default_rng(count)
    photos = photograph(rng, count, flat=kind == "H", turn=kind == "R", noise_px=2.0, outliers=0.4)
    flat = photos.rotation + np.outer(photos.translation, two_views.PLANE)
    model = {"E": photos.essential, "F": photos.essential, "H": flat, "R": photos.rotation}[kind]
    found, inliers = score(kind, model, photos)
    errors = two_views.squared_errors(kind, model, photos.first, photos.second, PIXEL)
    expected = two_views.msac(errors, 4.0)
    assert found == pytest.approx(expected[0], rel=1e-3, abs=1e-3)  # in single precision
    assert abs(inliers - expected[1]) <= (np.abs(errors / 16 - 1) < 1e-3).sum()


@pytest.mark.parametrize("kind", ["E", "F", "H", "R"])
def test_refinement_ends_where_no_small_step_is_better(kind: str) -> None:
    rng = np.random.default_rng(6)
    photos = photograph(rng, 150, flat=kind == "H", turn=kind == "R", noise_px=1.0)
    flat = photos.rotation + np.outer(photos.translation, two_views.PLANE)
    truth = {"E": photos.essential, "F": photos.essential, "H": flat, "R": photos.rotation}[kind]

    def cost(model: np.ndarray) -> float:
        errors = two_views.squared_errors(kind, model, photos.first, photos.second, PIXEL)
        return 16 * two_views.msac(errors, 4.0)[0]

    model, found, _ = refine(kind, truth, photos)
    assert found == pytest.approx(cost(model), rel=1e-9)
    assert found < cost(truth)
    for _ in range(40):  # through the same parameters, by way of a few matches' worth of noise
        nudge = two_views.turned_by(rng.normal(size=3) * 1e-4)
        assert cost(model @ nudge) >= found * (1 - 1e-7)
    again, same, _ = refine(kind, model, photos)
    assert apart(again, model) < 1e-6
    assert same == pytest.approx(found, rel=1e-9)
