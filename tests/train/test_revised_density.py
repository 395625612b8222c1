"""The revised rule of density control: opacities that hide as much as before, fading, and free space."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from support.gaussian_scenes import logit, random_gaussians
from support.sparse_points import photo_of, points_at

from splatworker.train.density import FADE, RevisedDensity
from splatworker.train.free_space import FreeSpace
from splatworker.train.model import Model
from splatworker.train.options import Options

EXTENT = 10.0
SMALL, LARGE = math.log(0.05), math.log(0.5)


def _strategy(free_space: Any = None, **changes: Any) -> RevisedDensity:
    values = {"densify_from_iter": 100, "densification_interval": 100, "densify_until_iter": 5000} | changes
    options = Options(source_path=Path("s"), model_path=Path("m"), density="revised", **values)
    nothing = FreeSpace([], points_at(), torch.device("cpu"))
    generator = torch.Generator().manual_seed(0)
    return RevisedDensity(options, EXTENT, generator, free_space=free_space or nothing)


def _model(log_scales: Any, opacities: Any, gradients: Any) -> Model:
    model = Model(random_gaussians(len(log_scales), sh_degree=1))
    model.parameters.log_scales.copy_(torch.tensor(log_scales)[:, None].expand(-1, 3))
    model.parameters.opacity_logits.copy_(torch.tensor([logit(opacity) for opacity in opacities]))
    model.statistics.gradient_norm_sum.copy_(torch.tensor(gradients))
    model.statistics.view_count.fill_(1)
    return model


@pytest.mark.parametrize("scale", [SMALL, LARGE])
@pytest.mark.parametrize("opacity", [0.02, 0.5, 0.98])
def test_two_in_the_place_of_one_hide_as_much_as_it_did(scale: float, opacity: float) -> None:
    model = _model([scale], [opacity], [1.0])
    _strategy().after_step(200, model)
    first, second = model.parameters.opacity_logits.sigmoid().tolist()
    assert first == pytest.approx(second)
    assert 1 - (1 - first) * (1 - second) == pytest.approx(opacity - FADE, abs=1e-4)


def test_those_that_are_not_added_to_only_fade_and_never_all_at_once() -> None:
    model = _model([SMALL] * 2, [0.9, 0.3], [0.0, 0.0])
    strategy = _strategy(opacity_reset_interval=200)
    strategy.after_step(150, model)  # no round
    strategy.after_step(200, model)
    torch.testing.assert_close(model.parameters.opacity_logits.sigmoid(), torch.tensor([0.9 - FADE, 0.3 - FADE]))
    strategy.after_step(5000, model)  # the end
    torch.testing.assert_close(model.parameters.opacity_logits.sigmoid(), torch.tensor([0.9 - FADE, 0.3 - FADE]))


def test_transparent_go_and_large_stay() -> None:
    model = _model([SMALL, math.log(0.5 * EXTENT)], [0.0055, 0.5], [0.0, 0.0])
    before = model.parameters.means.clone()
    _strategy(opacity_reset_interval=100).after_step(200, model)
    assert torch.equal(model.parameters.means, before[1:])


def test_frozen_leaves_opacities_that_nothing_is_added_to() -> None:
    model = _model([SMALL], [0.5], [1.0])
    strategy = _strategy()
    strategy.frozen = True
    strategy.after_step(200, model)
    assert model.parameters.opacity_logits.sigmoid().item() == pytest.approx(0.5 - FADE)


def test_what_is_in_free_space_goes() -> None:
    model = _model([SMALL] * 3, [0.9] * 3, [0.0] * 3)
    model.parameters.means.copy_(torch.tensor([[0, 0, 1.0], [0, 0, 3.0], [0, 0, -1.0]]))
    _strategy(FreeSpace([photo_of()], points_at(), torch.device("cpu"))).after_step(200, model)
    assert model.parameters.means[:, 2].tolist() == [3.0, -1.0]


def test_opacities_are_reset_only_for_whoever_asks_for_it() -> None:
    for changes, opacity in (
        ({}, 0.9),
        ({"opacity_resets": True, "opacity_reset_interval": 150}, 0.01),
        ({"opacity_resets": True, "opacity_reset_interval": 150, "densify_until_iter": 150}, 0.9),
    ):
        model = _model([SMALL], [0.9], [0.0])
        _strategy(**changes).after_step(150, model)
        assert torch.sigmoid(model.parameters.opacity_logits).item() == pytest.approx(opacity)
