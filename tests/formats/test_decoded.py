"""What compressed files may promise, and what their numbers become."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from splatworker.errors import InvalidScene
from splatworker.formats.decoded import ALWAYS_READ, check_count, decoded
from splatworker.formats.gaussians import MOST_GAUSSIANS


def test_a_file_that_promises_more_than_it_can_hold_is_refused_unread() -> None:
    a_gaussian = 4 * (11 + 3)
    few = ALWAYS_READ // a_gaussian
    check_count(Path("a.spz"), few, 0, 100)
    with pytest.raises(InvalidScene, match=r"a\.spz is broken"):
        check_count(Path("a.spz"), few + 1, 0, 100)
    check_count(Path("a.spz"), few + 1, 0, 10 * few)
    with pytest.raises(InvalidScene, match="Gaussians"):
        check_count(Path("a.spz"), MOST_GAUSSIANS + 1, 0, 10**12)


def test_opacities_become_finite_logits_and_arrays_float32() -> None:
    opacities = np.array([0.0, 0.5, 1.0])
    means, quaternions, log_scales = (np.ones((3, size)) for size in (3, 4, 3))
    gaussians = decoded(means, quaternions, log_scales, opacities, np.ones((3, 3)), np.ones((3, 0, 3)))
    assert np.isfinite(gaussians.opacity_logits).all()
    np.testing.assert_allclose(gaussians.opacities, opacities, atol=0.0011)
    assert gaussians.means.dtype == np.float32
