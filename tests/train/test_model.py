"""Surgery on the Gaussians keeps parameters, moments and statistics in step."""

from __future__ import annotations

import pytest
import torch
from support.gaussian_scenes import random_gaussians

from splatworker.train.model import Model


def _model(count: int = 10) -> Model:
    """Every tensor holds its Gaussian's number in its first column, so that rows that moved apart show."""
    model = Model(random_gaussians(count, sh_degree=1))
    for tensors in (model.parameters, model.adam.first, model.adam.second, model.statistics):
        for tensor in tensors:
            tensor.reshape(count, -1)[:, 0] = torch.arange(count)
    return model


def _numbers(model: Model) -> list[list[float]]:
    tensors = [*model.parameters, *model.adam.first, *model.adam.second, *model.statistics]
    return [tensor.reshape(len(model), -1)[:, 0].tolist() for tensor in tensors]


NOTHING = random_gaussians(0, sh_degree=1)


def test_those_kept_keep_their_rows_together() -> None:
    model = _model()
    model.rebuild(torch.tensor([1, 4, 7]), NOTHING)
    assert len(model) == 3
    assert all(numbers == [1, 4, 7] for numbers in _numbers(model))


def test_those_added_have_learnt_nothing() -> None:
    model = _model(4)
    added = random_gaussians(2, sh_degree=1, seed=9)
    model.rebuild(torch.tensor([0, 1, 3]), added)
    assert len(model) == 5
    for tensor, new in zip(model.parameters, added, strict=True):
        assert torch.equal(tensor[3:], new)
    for tensor in (*model.adam.first, *model.adam.second, *model.statistics):
        assert tensor.shape[0] == 5
        assert not tensor[3:].any()
        assert tensor.reshape(5, -1)[:3, 0].tolist() == [0, 1, 3]


@pytest.mark.parametrize("count", [1, 7, 15, 16, 17, 1000, 1025])
def test_tensors_have_little_room_to_spare_and_are_contiguous(count: int) -> None:
    model = _model(count)
    model.rebuild(torch.arange(count), NOTHING)
    for tensor in (*model.parameters, *model.adam.first, *model.statistics):
        assert tensor.is_contiguous()
        room = tensor.untyped_storage().nbytes() / (tensor[0].numel() * tensor.element_size())
        assert count <= room <= count * 9 / 8


def test_limit_opacity_lowers_only_and_forgets_its_moments() -> None:
    model = _model()
    model.parameters.opacity_logits.copy_(torch.linspace(-8, 8, 10))
    model.limit_opacity(0.01)
    opacity = model.parameters.opacity_logits.sigmoid()
    assert opacity.max() == pytest.approx(0.01)
    assert opacity[0] == pytest.approx(torch.tensor(-8.0).sigmoid())
    assert not model.adam.first.opacity_logits.any()
    assert not model.adam.second.opacity_logits.any()
    assert model.adam.first.means.any()


def test_clear_statistics_leaves_the_rest() -> None:
    model = _model()
    model.clear_statistics()
    assert not any(tensor.any() for tensor in model.statistics)
    assert model.adam.second.log_scales.any()


def test_a_change_that_fails_half_way_changes_nothing() -> None:
    model = _model()
    with pytest.raises(IndexError):
        model.rebuild(torch.arange(11), NOTHING)
    assert all(numbers == list(range(10)) for numbers in _numbers(model))
