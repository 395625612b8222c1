"""Which depths are believed: those that other photos agree with, and that none sees through."""

from __future__ import annotations

import numpy as np
from support import painted_plane
from support.kinds import numbers_on

from splatworker.render.arrays import Device, to_device, to_numpy
from splatworker.render.interface import View
from splatworker.train.confirmation import Swept, confirmed, fresh
from splatworker.train.plane_sweep import UNKNOWN, DepthMap

CAMERAS = [painted_plane.camera(x, y) for x, y in ((-0.6, 0.0), (-0.2, 0.1), (0.2, -0.1), (0.6, 0.05))]


def swept_on(device: Device, index: int, factor: float) -> Swept:
    """A photo whose depths are so many times the true ones."""
    truth = factor * painted_plane.depths(CAMERAS[index])
    score, two_view = numbers_on(device, np.full(truth.shape, 0.9)), numbers_on(device, np.zeros(truth.shape), "bool")
    depth = DepthMap(numbers_on(device, truth), score, two_view)
    view = View(CAMERAS[index], to_device(painted_plane.photo(CAMERAS[index]), device))
    return Swept(view, depth, [other for other in range(len(CAMERAS)) if other != index])


def test_who_is_seen_through_is_not_believed(device: Device) -> None:
    def swept(index: int, factor: float) -> Swept:
        return swept_on(device, index, factor)

    for wrong in (0.7, 1.4):  # in front of what the others see, or behind it, where nobody sees anything
        believed = confirmed([swept(0, wrong), swept(1, 1.0), swept(2, 1.0), swept(3, 1.0)])
        shares = [float(to_numpy(one).mean()) for one in believed if one is not None]
        assert shares[0] < 0.05
        assert min(shares[1:]) > 0.6  # less what the other two do not see
    two_fold = confirmed([swept(0, 0.7), swept(1, 0.7), swept(2, 1.0), swept(3, 1.0)])
    assert two_fold[0] is not None and float(to_numpy(two_fold[0]).mean()) < 0.3  # one agrees, two see through it
    alone = swept(1, 1.0)._replace(witnesses=[0])
    nobody, by_nobody = confirmed([None, alone])
    assert nobody is None and not to_numpy(by_nobody).any()
    quiet = swept(0, 1.0)._replace(witnesses=[1])
    quiet = quiet._replace(map=quiet.map._replace(score=quiet.map.score * 0 + UNKNOWN))
    silent = confirmed([quiet, alone])
    assert [bool(to_numpy(one).any()) for one in silent if one is not None] == [False, False]


def test_a_place_is_that_of_the_first_photo_that_shows_it(device: Device) -> None:
    all_of_them = [swept_on(device, index, 1.0) for index in range(3)]
    all_of_them = [one._replace(witnesses=[k for k in one.witnesses if k < 3]) for one in all_of_them]
    believed = confirmed(all_of_them)
    left = [to_numpy(fresh(index, all_of_them, believed)) for index in range(3)]
    shares = [float(one.sum() / to_numpy(keep).sum()) for one, keep in zip(left, believed, strict=True)]
    assert shares[0] == 1
    assert max(shares[1:]) < 0.3  # what only the edge of a photo shows
    blind = [to_numpy(keep) & False for keep in believed]
    believed[0] = numbers_on(device, blind[0], "bool")
    assert to_numpy(fresh(1, all_of_them, believed)).sum() == to_numpy(believed[1]).sum()  # the first one says nothing
