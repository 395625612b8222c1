"""What the photos see of a splat, and how many lines of sight are kept."""

from __future__ import annotations

import numpy as np
from support.kinds import with_either

from splatworker.export.subject import Subject
from splatworker.export.visibility import MOST_LINES, measure_visibility
from splatworker.render.arrays import to_numpy
from splatworker.render.interface import Renderer
from splatworker.render.tensors import to_tensors


@with_either
def test_the_weights_of_views_are_kept_for_some(subject: Subject, renderer: Renderer) -> None:
    cameras = [photo.camera for photo in subject.trained]
    tensors = to_tensors(subject.gaussians, renderer.device)
    all_lines = measure_visibility(renderer, tensors, cameras)
    np.testing.assert_allclose(all_lines.lines.weights.sum(axis=0), all_lines.weight, rtol=1e-4, atol=1e-4)
    many = measure_visibility(
        renderer, tensors, [camera for camera in cameras for _ in range(MOST_LINES // len(cameras) + 1)]
    )
    assert MOST_LINES // 2 <= len(many.lines.weights) <= MOST_LINES
    assert len(many.lines.centers) == len(many.lines.weights)
    assert (to_numpy(many.weight) > to_numpy(all_lines.weight) - 1e-3).all()
