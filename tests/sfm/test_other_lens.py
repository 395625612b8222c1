"""One photo by another lens among those of one camera, by its matches with the model's points."""

from __future__ import annotations

import numpy as np
import pytest
from support import photo_sets
from support.reconstructions import cloud, group, model, verified

from splatworker.sfm import gate
from splatworker.sfm.other_lens import other_focals

ARC = photo_sets.arc(12)


@pytest.mark.parametrize("zoom", [0.5, 0.65, 1.6])
def test_it_is_found_with_its_focal_length_and_no_other_is(zoom: float) -> None:
    sound = model(ARC, cloud())
    of = verified(sound)
    zoomed = of.keypoints[5]
    zoomed[:, :2] = (zoomed[:, :2] - [320, 240]) * zoom + [320, 240]
    found = other_focals(sound, of, range(1, 13))
    assert found == {5: pytest.approx(560 * zoom, rel=0.02)}
    assert other_focals(sound, of, []) == {}
    told = gate.inspect(sound, [group()], of)
    assert told.other_lens == {5}
    assert "with another lens, or zoomed" in told.implausible_images[5]
    assert told.faults == []
    assert told.bent == set()


def test_a_misplaced_photo_of_the_same_lens_is_no_other_lens() -> None:
    sound = model(ARC, cloud())
    of = verified(sound)
    of.keypoints[5][:, :2] += np.float32(60)  # as turned
    assert other_focals(sound, of, [5]) == {}
