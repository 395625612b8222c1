"""A splat as arrays: shapes that belong together, and some of its Gaussians."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from splatworker.formats.gaussians import Gaussians


def arrays(count: int = 4, rest: int = 3) -> list[np.ndarray]:
    shapes = ((3,), (4,), (3,), (), (3,), (rest, 3))
    return [np.zeros((count, *shape), np.float32) for shape in shapes]


@pytest.mark.parametrize(("rest", "degree"), [(0, 0), (3, 1), (8, 2), (15, 3)])
def test_the_degree_follows_from_the_coefficients(rest: int, degree: int) -> None:
    gaussians = Gaussians(*arrays(rest=rest))
    assert (len(gaussians), gaussians.sh_degree) == (4, degree)


@pytest.mark.parametrize("field", range(6))
def test_arrays_that_do_not_belong_together_are_refused(field: int) -> None:
    changes: tuple[Callable[[np.ndarray], np.ndarray], ...] = (
        lambda array: array[:-1],
        lambda array: array.astype(np.float64),
    )
    for change in changes:
        changed = arrays()
        changed[field] = change(changed[field])
        with pytest.raises(ValueError, match="float"):
            Gaussians(*changed)
    with pytest.raises(ValueError, match="4 coefficients"):
        Gaussians(*arrays(rest=4))


def test_opacities_and_scales_are_what_the_parameters_stand_for() -> None:
    changed = arrays(count=3)
    changed[3][:] = (0.0, 200.0, -200.0)
    changed[2][:] = np.log(2.0)
    gaussians = Gaussians(*changed)
    np.testing.assert_allclose(gaussians.opacities, (0.5, 1.0, 0.0), atol=1e-7)
    np.testing.assert_allclose(gaussians.scales, 2.0, rtol=1e-6)
