"""Surgery on the Gaussians keeps parameters, moments and statistics in step."""

from __future__ import annotations

import numpy as np
import pytest
from support.kinds import gaussians_on, numbers_on

from splatworker.render.arrays import Array, Device, sigmoid, to_device, to_numpy
from splatworker.train.model import Model


def _model(device: Device, count: int = 10) -> Model:
    """Every array holds its Gaussian's number in its first column, so that rows that moved apart show."""
    model = Model(gaussians_on(device, count, sh_degree=1))
    for arrays in (model.parameters, model.adam.first, model.adam.second, model.statistics):
        for array in arrays:
            array.reshape(count, -1)[:, 0] = numbers_on(device, range(count))
    return model


def _numbers(model: Model) -> list[list[float]]:
    arrays = [*model.parameters, *model.adam.first, *model.adam.second, *model.statistics]
    return [array.reshape(len(model), -1)[:, 0].tolist() for array in arrays]


def _index(device: Device, numbers: object) -> Array:
    return to_device(np.array(numbers, np.int64), device)


def test_those_kept_keep_their_rows_together(device: Device) -> None:
    model = _model(device)
    model.rebuild(_index(device, [1, 4, 7]), gaussians_on(device, 0, sh_degree=1))
    assert len(model) == 3
    assert all(numbers == [1, 4, 7] for numbers in _numbers(model))


def test_those_added_have_learnt_nothing(device: Device) -> None:
    model = _model(device, 4)
    added = gaussians_on(device, 2, sh_degree=1, seed=9)
    model.rebuild(_index(device, [0, 1, 3]), added)
    assert len(model) == 5
    for array, new in zip(model.parameters, added, strict=True):
        assert array[3:].tolist() == new.tolist()
    for array in (*model.adam.first, *model.adam.second, *model.statistics):
        assert array.shape[0] == 5
        assert not array[3:].any()
        assert array.reshape(5, -1)[:3, 0].tolist() == [0, 1, 3]


@pytest.mark.parametrize("count", [1, 7, 15, 16, 17, 1000, 1025])
def test_arrays_have_little_room_to_spare_and_are_contiguous(count: int, device: Device) -> None:
    model = _model(device, count)
    model.rebuild(_index(device, range(count)), gaussians_on(device, 0, sh_degree=1))
    for array in (*model.parameters, *model.adam.first, *model.statistics):
        numbers = to_numpy(array)
        assert numbers.flags.c_contiguous
        assert numbers.ctypes.data % 64 == 0
        memory = numbers if numbers.base is None else numbers.base
        held = memory.nbytes - 64 if isinstance(device, str) else array.untyped_storage().nbytes()
        assert count <= held / (numbers[0].size * numbers.itemsize) <= count * 9 / 8


def test_limit_opacity_lowers_only_and_forgets_its_moments(device: Device) -> None:
    model = _model(device)
    model.parameters.opacity_logits[...] = numbers_on(device, np.linspace(-8, 8, 10))
    model.limit_opacity(0.01)
    opacity = to_numpy(sigmoid(model.parameters.opacity_logits))
    assert opacity.max() == pytest.approx(0.01)
    assert opacity[0] == pytest.approx(1 / (1 + np.exp(8)))
    assert not model.adam.first.opacity_logits.any()
    assert not model.adam.second.opacity_logits.any()
    assert model.adam.first.means.any()


def test_clear_statistics_leaves_the_rest(device: Device) -> None:
    model = _model(device)
    model.clear_statistics()
    assert not any(array.any() for array in model.statistics)
    assert model.adam.second.log_scales.any()


def test_a_change_that_fails_half_way_changes_nothing(device: Device) -> None:
    model = _model(device)
    with pytest.raises(IndexError):
        model.rebuild(_index(device, range(11)), gaussians_on(device, 0, sh_degree=1))
    assert all(numbers == list(range(10)) for numbers in _numbers(model))
