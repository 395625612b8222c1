"""Colours rounded for the views: on the grid, the best that one change can find, and right where they are seen."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from splatworker import _cpu
from splatworker.render.spherical_harmonics import basis
from splatworker.splat_files import rate_distortion as rd
from splatworker.splat_files.lines_of_sight import LinesOfSight
from splatworker.splat_files.rate_distortion import Colours, Grid, Prices

GRID = Grid(0.03, 0.5, -128, 127, 1 / 16, -16, 15)
COUNT = 37  # no multiple of any vector's lanes


def colours(degree: int, seed: int = 0, count: int = COUNT) -> Colours:
    """Gaussians that five cameras look at from one side, some of them from further away than others."""
    rng = np.random.default_rng(seed)
    means = rng.normal(size=(count, 3)).astype(np.float32)
    coefficients = rng.normal(scale=0.2, size=(count, (degree + 1) ** 2, 3)).astype(np.float32)
    centers = rng.normal([0, 0, -6], 1, size=(5, 3)).astype(np.float32)
    return Colours(means, coefficients, LinesOfSight(centers, rng.gamma(1.0, 5.0, size=(5, count)).astype(np.float32)))


def prices(of_a_bit: float) -> Prices:
    """Small levels are cheap."""
    levels = np.abs(np.arange(-rd.HIGHEST_LEVEL, rd.HIGHEST_LEVEL + 1))
    return Prices((1 + np.log2(1 + levels)).astype(np.float32), of_a_bit)


def directions_weighted(given: Colours) -> torch.Tensor:
    """(V, N, K) the harmonics towards every view, in double precision."""
    means, centers = torch.from_numpy(given.means).double(), torch.from_numpy(given.lines.centers).double()
    degree = int(given.coefficients.shape[1] ** 0.5) - 1
    values: torch.Tensor = basis(F.normalize(means - centers[:, None], dim=-1), degree)
    return values


def cost(given: Colours, found: torch.Tensor, grid: Grid, prices: Prices) -> torch.Tensor:
    """(N,) what is to be minimised, written as in the module's docstring."""
    values = directions_weighted(given)
    lost = found - torch.from_numpy(given.coefficients).double()
    weights = torch.from_numpy(given.lines.weights).double()
    seen = (weights[..., None] * torch.einsum("vnk,nkc->vnc", values, lost) ** 2).sum(dim=(0, 2))
    a_harmonic = (weights[..., None] * values[..., 1:] ** 2).sum(dim=0).mean(dim=1)
    prior = rd.PRIOR * a_harmonic + rd.LEAST_PRIOR
    levels = (found[:, 1:] / grid.step).round().long().clamp(-rd.HIGHEST_LEVEL, rd.HIGHEST_LEVEL) + rd.HIGHEST_LEVEL
    bits = torch.from_numpy(prices.bits).double()[levels].sum(dim=(1, 2))
    return seen + prior * (lost**2).sum(dim=(1, 2)) + prices.of_a_bit * bits


def nearest(given: Colours, grid: Grid) -> torch.Tensor:
    """Every coefficient rounded by itself."""
    own = torch.from_numpy(given.coefficients).double()
    levels = (own / grid.step).round().clamp(grid.lowest, grid.highest)
    found = levels * grid.step
    whole = (own[:, 0] / grid.constant_step - grid.constant_offset).round()
    found[:, 0] = (whole + grid.constant_offset) * grid.constant_step
    return found


def candidates(given: Colours, found: torch.Tensor, index: int, grid: Grid) -> list[torch.Tensor]:
    """(N, 3) each: the numbers nearest to what would be best beside the others, the next towards zero, and zero."""
    best = found[:, index].clone()
    for channel in range(3):  # the least of a parabola through three points
        low, middle, high = found.clone(), found.clone(), found.clone()
        low[:, index, channel], high[:, index, channel] = best[:, channel] - 1, best[:, channel] + 1
        free = Prices(np.zeros(2 * rd.HIGHEST_LEVEL + 1, np.float32), 0.0)
        at = [cost(given, there, grid, free) for there in (low, middle, high)]
        best[:, channel] += 0.5 * (at[0] - at[2]) / (at[0] - 2 * at[1] + at[2])
    if index == 0:
        whole = (best / grid.constant_step - grid.constant_offset).round()
        return [(whole + change + grid.constant_offset) * grid.constant_step for change in (-1, 0, 1)]
    nearest = (best / grid.step).round().clamp(grid.lowest, grid.highest)
    return [nearest * grid.step, (nearest - nearest.sign()) * grid.step, torch.zeros_like(best)]


@pytest.fixture(params=["baseline", "avx2", "avx512"])
def isa(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPLATWORKER_ISA", request.param)
    if _cpu.Renderer(1).instruction_set != request.param:
        pytest.skip(f"this processor has no {request.param}")


@pytest.mark.parametrize("degree", [1, 2, 3])
@pytest.mark.parametrize("of_a_bit", [0.0, 0.02, 1.0])
def test_no_change_of_one_coefficient_is_better(
    degree: int, of_a_bit: float, monkeypatch: pytest.MonkeyPatch, isa: None
) -> None:
    monkeypatch.setattr(rd, "SWEEPS", 100)
    given, price = colours(degree), prices(of_a_bit)
    found = torch.from_numpy(given.rounded(GRID, price)).double()
    reached = cost(given, found, GRID, price)
    assert (reached <= cost(given, nearest(given, GRID), GRID, price) + 1e-4).all()
    for index in range(found.shape[1]):
        for level in candidates(given, found, index, GRID):
            for channel in range(3):
                other = found.clone()
                other[:, index, channel] = level[:, channel]
                assert (cost(given, other, GRID, price) >= reached - 1e-4 * (1 + reached)).all()


@pytest.mark.parametrize("degree", [1, 2, 3])
def test_every_number_is_on_the_grid(degree: int) -> None:
    given = colours(degree)._replace(coefficients=3 * colours(degree).coefficients)  # also those beyond its ends
    found = given.rounded(GRID, prices(0.01))
    levels = found[:, 1:] / GRID.step
    np.testing.assert_array_equal(levels, np.rint(levels))
    assert levels.min() == GRID.lowest
    assert levels.max() == GRID.highest
    constant = found[:, 0] / GRID.constant_step - GRID.constant_offset
    np.testing.assert_allclose(constant, np.rint(constant), atol=1e-4)


def test_what_is_seen_is_kept_better_than_by_rounding_each() -> None:
    given = colours(3, count=2000)
    values = directions_weighted(given)
    own = torch.from_numpy(given.coefficients).double()

    def error(found: torch.Tensor) -> float:
        return float((torch.einsum("vnk,nkc->vnc", values, found - own) ** 2).mean())

    free = error(torch.from_numpy(given.rounded(GRID, prices(0.0))).double())
    assert free < 0.2 * error(nearest(given, GRID))


def test_dearer_bits_are_spared() -> None:
    given = colours(3)
    spent = [np.count_nonzero(given.rounded(GRID, prices(of_a_bit))[:, 1:]) for of_a_bit in (0.0, 0.05, 0.5, 1e6)]
    assert spent == sorted(spent, reverse=True)
    assert spent[0] > 2 * spent[2]
    assert spent[-1] == 0


def test_what_nobody_sees_costs_nothing_and_keeps_its_colour() -> None:
    given = colours(2)
    given.lines.weights[:, 5] = 0
    found = given.rounded(GRID, prices(0.02))
    assert not found[5, 1:].any()
    assert np.abs(found[5, 0] - given.coefficients[5, 0]).max() <= GRID.constant_step / 2 + 1e-6


def test_the_bits_are_those_of_how_often_levels_come() -> None:
    given = colours(3, count=4000)
    learned = given.learn_prices(GRID, 0.5)
    assert learned.of_a_bit == 0.5
    zero = learned.bits[rd.HIGHEST_LEVEL]
    assert zero == learned.bits.min()
    shares = 2.0 ** -learned.bits.astype(np.float64)
    assert shares.sum() == pytest.approx(1, abs=1e-3)
    levels = np.rint(given.rounded(GRID, learned)[:, 1:] / GRID.step)
    assert np.mean(levels == 0) == pytest.approx(shares[rd.HIGHEST_LEVEL], abs=0.1)


def test_wrong_shapes_are_refused() -> None:
    given = colours(1)
    with pytest.raises(ValueError, match="weights"):
        given._replace(lines=given.lines._replace(weights=given.lines.weights[:, :-1].copy())).rounded(GRID, prices(0))
    with pytest.raises(ValueError, match="degree"):
        given._replace(coefficients=given.coefficients[:, :3].copy()).rounded(GRID, prices(0))
