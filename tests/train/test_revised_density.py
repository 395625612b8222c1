"""The revised rule of density control: opacities that hide as much as before, fading, and free space."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from support.gaussian_scenes import logit
from support.kinds import gaussians_on, numbers_on
from support.sparse_points import photo_of, points_at

from splatworker.render.arrays import Device, copied, sigmoid
from splatworker.train.density import ABSOLUTE_THRESHOLD, FADE, RevisedDensity
from splatworker.train.free_space import FreeSpace
from splatworker.train.model import Model
from splatworker.train.options import Options
from splatworker.train.randomness import generator

EXTENT = 10.0
SMALL, LARGE = math.log(0.05), math.log(0.5)


def _strategy(device: Device, free_space: Any = None, **changes: Any) -> RevisedDensity:
    values = {"densify_from_iter": 100, "densification_interval": 100, "densify_until_iter": 5000} | changes
    options = Options(source_path=Path("s"), model_path=Path("m"), density="revised", **values)
    nothing = FreeSpace([], points_at(), device)
    return RevisedDensity(options, EXTENT, generator(0, device), free_space=free_space or nothing)


def _model(device: Device, log_scales: Any, opacities: Any, gradients: Any) -> Model:
    model = Model(gaussians_on(device, len(log_scales), sh_degree=1))
    model.parameters.log_scales[...] = numbers_on(device, log_scales)[:, None]
    model.parameters.opacity_logits[...] = numbers_on(device, [logit(opacity) for opacity in opacities])
    model.statistics.gradient_norm_sum[...] = numbers_on(device, gradients)
    model.statistics.view_count[...] = 1
    return model


def _opacities(model: Model) -> list[float]:
    opacities: list[float] = sigmoid(model.parameters.opacity_logits).tolist()
    return opacities


@pytest.mark.parametrize("scale", [SMALL, LARGE])
@pytest.mark.parametrize("opacity", [0.02, 0.5, 0.98])
def test_two_in_the_place_of_one_hide_as_much_as_it_did(scale: float, opacity: float, device: Device) -> None:
    model = _model(device, [scale], [opacity], [1.0])
    _strategy(device).after_step(200, model)
    first, second = _opacities(model)
    assert first == pytest.approx(second)
    assert 1 - (1 - first) * (1 - second) == pytest.approx(opacity - FADE, abs=1e-4)


def test_absolute_gradients_have_to_be_larger(device: Device) -> None:
    for gradients, threshold in (("net", 0.0002), ("absolute", 0.0002 * ABSOLUTE_THRESHOLD)):
        model = _model(device, [SMALL] * 2, [0.9, 0.9], [0.99 * threshold, 1.01 * threshold])
        strategy = _strategy(device, densify_grad_threshold=0.0002, gradients=gradients)
        strategy.after_step(200, model)
        assert strategy.absolute == (gradients == "absolute")
        assert len(model) == 3


def test_those_that_are_not_added_to_only_fade_and_never_all_at_once(device: Device) -> None:
    model = _model(device, [SMALL] * 2, [0.9, 0.3], [0.0, 0.0])
    strategy = _strategy(device, opacity_reset_interval=200)
    strategy.after_step(150, model)  # no round
    strategy.after_step(200, model)
    assert _opacities(model) == pytest.approx([0.9 - FADE, 0.3 - FADE], rel=1e-5)
    strategy.after_step(5000, model)  # the end
    assert _opacities(model) == pytest.approx([0.9 - FADE, 0.3 - FADE], rel=1e-5)


def test_transparent_go_and_large_stay(device: Device) -> None:
    model = _model(device, [SMALL, math.log(0.5 * EXTENT)], [0.0055, 0.5], [0.0, 0.0])
    before = copied(model.parameters.means)
    _strategy(device, opacity_reset_interval=100).after_step(200, model)
    assert model.parameters.means.tolist() == before[1:].tolist()


def test_frozen_leaves_opacities_that_nothing_is_added_to(device: Device) -> None:
    model = _model(device, [SMALL], [0.5], [1.0])
    strategy = _strategy(device)
    strategy.frozen = True
    strategy.after_step(200, model)
    assert _opacities(model) == pytest.approx([0.5 - FADE])


def test_what_is_in_free_space_goes(device: Device) -> None:
    model = _model(device, [SMALL] * 3, [0.9] * 3, [0.0] * 3)
    model.parameters.means[...] = numbers_on(device, [[0, 0, 1.0], [0, 0, 3.0], [0, 0, -1.0]])
    _strategy(device, FreeSpace([photo_of()], points_at(), device)).after_step(200, model)
    assert model.parameters.means[:, 2].tolist() == [3.0, -1.0]


def test_opacities_are_reset_only_for_whoever_asks_for_it(device: Device) -> None:
    for changes, opacity in (
        ({}, 0.9),
        ({"opacity_resets": True, "opacity_reset_interval": 150}, 0.01),
        ({"opacity_resets": True, "opacity_reset_interval": 150, "densify_until_iter": 150}, 0.9),
    ):
        model = _model(device, [SMALL], [0.9], [0.0])
        _strategy(device, **changes).after_step(150, model)
        assert _opacities(model) == pytest.approx([opacity])
