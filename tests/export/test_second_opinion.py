"""What is believed of a network's masks, on a scene whose every Gaussian is known to belong to something."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest
from support.object_scenes import World, on_a_table

from splatworker.export.object_alone import ObjectAlone
from splatworker.export.pictures import SplatRenderer
from splatworker.export.second_opinion import Opinion, agreement, sharpen
from splatworker.export.single_subject import Ring
from splatworker.export.votes import vote
from splatworker.formats.camera import Camera
from splatworker.formats.subset import take
from splatworker.render.cpu import CpuRenderer
from splatworker.render.tensors import to_tensors


class Case(NamedTuple):
    """A cut that has kept a rest of the table, and the true masks of the object."""

    world: World
    found: ObjectAlone
    masks: list[np.ndarray]
    cameras: list[Camera]


@pytest.fixture(scope="module")
def case() -> Case:
    world = on_a_table()
    cameras = world.cameras[::2]
    means = world.gaussians.means
    rest = world.belongs("table") & (np.hypot(means[:, 0], means[:, 2]) < 0.4)
    keep = world.belongs("object") | rest
    renderer = CpuRenderer()
    tensors = to_tensors(world.gaussians, CpuRenderer().device)
    drawn = vote(renderer, tensors, keep, cameras).masks
    masks = vote(renderer, tensors, world.belongs("object"), cameras).masks
    ring = Ring(np.zeros(3), 3.5, np.array([camera.center for camera in cameras]))
    return Case(world, ObjectAlone(keep, drawn, None, ring), masks, cameras)


def ask(case: Case, masks: list[np.ndarray], unsure: float = 0.01) -> Opinion:
    tensors = to_tensors(case.world.gaussians, CpuRenderer().device)
    return sharpen(case.found, masks, [unsure] * len(masks), case.cameras, tensors, CpuRenderer())


def beside_the_object(case: Case, keep: np.ndarray) -> float:
    """The share of the opacity that is kept which is not the object's."""
    opacity = case.world.gaussians.opacities
    return float(opacity[keep & ~case.world.belongs("object")].sum() / opacity[keep].sum())


def covered(case: Case, keep: np.ndarray) -> list[np.ndarray]:
    drawn = SplatRenderer(take(case.world.gaussians, keep), CpuRenderer(), (0.0, 0.0, 0.0))
    return [np.asarray(drawn.covered(camera)) for camera in case.cameras]


def test_what_lies_outside_of_the_masks_goes(case: Case) -> None:
    opinion = ask(case, case.masks)
    assert opinion.doubt == ""
    assert beside_the_object(case, case.found.keep) > 0.1
    assert beside_the_object(case, opinion.keep) < 0.01
    ours = case.world.belongs("object")
    assert opinion.keep[ours & case.found.keep].mean() > 0.99
    assert opinion.told["left_out"] == np.count_nonzero(case.found.keep & ~opinion.keep)
    assert opinion.told["photos_voting"] == len(case.masks)
    assert not (opinion.keep & ~case.found.keep).any()  # nothing comes


def test_wrong_masks_are_outvoted(case: Case) -> None:
    """A third of the masks takes the table along, or nothing, or has a hole."""
    masks = [mask.copy() for mask in case.masks]
    masks[0][:], masks[1][:] = 1.0, 0.0
    rows, columns = np.nonzero(masks[2] > 0.5)
    row, column = int(np.median(rows)), int(np.median(columns))
    masks[2][row - 2 : row + 3, column - 2 : column + 3] = 0.0
    masks[3] = np.roll(masks[3], 60, axis=1)
    opinion = ask(case, masks)
    assert opinion.doubt == ""
    assert opinion.told["photos_voting"] == len(masks) - 3  # the one with a hole votes
    assert beside_the_object(case, opinion.keep) < 0.1 * beside_the_object(case, case.found.keep)
    for mask, drawn in zip(case.masks, covered(case, opinion.keep), strict=True):
        assert agreement(mask, drawn) > 0.9


@pytest.mark.parametrize(
    ("unsure", "shift", "words"),
    [(0.05, 0, "not sure of what the photos show"), (0.01, 60, "something else in most photos")],
)
def test_in_doubt_the_object_stays_as_geometry_has_it(case: Case, unsure: float, shift: int, words: str) -> None:
    opinion = ask(case, [np.roll(mask, shift, axis=1) for mask in case.masks], unsure)
    assert words in opinion.doubt
    assert (opinion.keep == case.found.keep).all()


def test_agreement() -> None:
    one, other = np.zeros((4, 4), np.float32), np.zeros((4, 4), np.float32)
    assert agreement(one, other) == 0
    one[:, :2], other[:, 1:3] = 1, 1
    assert agreement(one, other) == pytest.approx(1 / 3)
    assert agreement(one, one) == 1
