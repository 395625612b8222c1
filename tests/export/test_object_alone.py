"""The object alone: all of it and nothing else, wherever there is one; and where there is none, a reason."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from support.kinds import with_either
from support.object_scenes import (
    World,
    around,
    ball,
    box,
    facade,
    facing,
    in_a_room,
    on_a_table,
    room,
    table,
    thing,
)

from splatworker.errors import NoSingleSubject
from splatworker.export.object_alone import ObjectAlone, isolate
from splatworker.export.orient import move_camera, rotate
from splatworker.export.pictures import SplatRenderer
from splatworker.export.single_subject import ring_of
from splatworker.export.standing import bounds, stand
from splatworker.export.votes import vote
from splatworker.render.cpu import CpuRenderer
from splatworker.render.interface import Renderer
from splatworker.render.tensors import to_tensors

MOST_OUTSIDE, LEAST_KEPT = 0.01, 0.97
"""Of the opacity that is kept, what is not the object's; of the object's, what is kept."""

BOX, BOOK = box((-0.4, 0, -0.3), (0.4, 0.5, 0.3)), box((-0.4, 0, -0.3), (0.4, 0.2, 0.3))

OBJECTS: dict[str, Callable[[], World]] = {
    "on a table": on_a_table,
    "on a rough table": lambda: in_a_room(thing() | table(rough=0.02), around([0, 0.45, 0])),
    "of its table's colour": lambda: in_a_room(thing() | table(colour=(0.75, 0.32, 0.22)), around([0, 0.45, 0])),
    "a box": lambda: in_a_room({"object": BOX} | table(), around([0, 0.25, 0])),
    "a box, aimed over": lambda: in_a_room({"object": BOX} | table(), around([0, 0.55, 0], aside=0.03)),
    "a book": lambda: in_a_room({"object": BOOK} | table(), around([0, 0.1, 0])),
    "aimed at its foot": lambda: in_a_room(thing() | table(), around([0, 0, 0])),
    "aimed beside it": lambda: in_a_room(thing() | table(), around([0.5, 0.5, 0], aside=0.2)),
    "beside something small": lambda: in_a_room(
        thing() | table() | {"other": ball((0.9, 0.1, 0.2), (0.1, 0.1, 0.1), 200)}, around([0, 0.45, 0])
    ),
    "from half around": lambda: in_a_room(thing() | table(), around([0, 0.45, 0], arc=np.pi)),
    "in the air": lambda: in_a_room({"object": ball((0, 0.5, 0), (0.3, 0.5, 0.2))}, around([0, 0.5, 0])),
}
SHORT = ("on a table", "a box, aimed over", "in the air")

NONE: dict[str, tuple[Callable[[], World], str]] = {
    "a room": (room, "look outwards"),
    "a facade": (facade, "do not look at one place"),
    "one side": (lambda: in_a_room(thing() | table(), around([0, 0.45, 0], arc=np.pi / 2)), "from one side alone"),
    "a bare table": (lambda: in_a_room(table(), around([0, 0.4, 0])), "nothing where the cameras look"),
    "a room, inwards": (
        lambda: in_a_room({}, [facing((2 * np.sin(a), 0.5, 2 * np.cos(a)), (0, 0.5, 0)) for a in np.arange(24) / 3.8]),
        "nothing where the cameras look",
    ),
    "two things": (
        lambda: in_a_room(
            thing() | table() | {"other": ball((1.0, 0.4, 0.2), (0.25, 0.4, 0.25))}, around([0.5, 0.45, 0])
        ),
        "several things",
    ),
}


def cut(world: World) -> ObjectAlone:
    return isolate(world.gaussians, world.cameras, world.gaussians.means[::10].astype(np.float64), CpuRenderer())


@pytest.mark.parametrize("name", [pytest.param(n, marks=() if n in SHORT else pytest.mark.slow) for n in OBJECTS])
def test_all_of_the_object_and_nothing_else(name: str) -> None:
    world = OBJECTS[name]()
    keep, ours = cut(world).keep, world.belongs("object")
    opacity = world.gaussians.opacities
    assert opacity[keep & ~ours].sum() <= MOST_OUTSIDE * opacity[keep].sum(), set(world.of[keep])
    assert opacity[keep & ours].sum() >= LEAST_KEPT * opacity[ours].sum()


@pytest.mark.parametrize("name", NONE)
def test_no_single_subject(name: str) -> None:
    make, words = NONE[name]
    with pytest.raises(NoSingleSubject, match=words):
        cut(make())


def test_it_stands_upright_with_the_origin_below_its_middle() -> None:
    """The whole world leans by some degrees, as one whose up is a guess does."""
    world = on_a_table()
    lean = Rotation.from_euler("xz", [4, -3], degrees=True).as_matrix()
    moved = np.eye(4)
    moved[:3, :3] = lean
    cameras = [move_camera(camera, moved) for camera in world.cameras]
    leaning = world._replace(gaussians=rotate(world.gaussians, lean), cameras=cameras)
    standing = stand(leaning.gaussians, cut(leaning))
    low, high = bounds(standing.gaussians)
    assert abs(low[1]) < 0.01
    assert np.abs(low[[0, 2]] + high[[0, 2]]).max() < 0.01
    assert 0.9 < high[1] < 1.05  # the scale is kept: it is one unit tall
    up = standing.moved[:3, :3] @ lean @ [0, 1, 0]
    assert np.degrees(np.arccos(up[1])) < 0.5
    seen = [move_camera(camera, standing.moved) for camera in cameras]
    before, after = (
        SplatRenderer(splat, CpuRenderer(), (0.0, 0.0, 0.0)).image(camera)
        for splat, camera in ((leaning.gaussians, cameras[3]), (standing.gaussians, seen[3]))
    )
    shown = after.sum(axis=0) > 0.5
    assert 500 < shown.sum() < 5000
    assert abs(before - after).mean(axis=0)[shown].mean() < 0.02  # the cameras agree with it


def test_a_few_photos_of_something_else_do_not_move_the_focus() -> None:
    world = on_a_table()
    astray = [facing(camera.center, (5, 1, 3)) for camera in world.cameras[:3]]
    ring = ring_of([*world.cameras[3:], *astray], world.gaussians.means[::10].astype(np.float64))
    assert np.linalg.norm(ring.focus - [0, 0.45, 0]) < 0.1


@with_either
def test_a_vote_is_what_lies_within_the_masks(renderer: Renderer) -> None:
    world = in_a_room({"front": ball((0, 0.5, 0), (0.4, 0.4, 0.4))}, around([0, 0.5, 0]))
    front = world.belongs("front")
    votes = vote(renderer, to_tensors(world.gaussians, renderer.device), front, world.cameras)
    assert np.median(votes.share[front]) > 0.95
    assert np.median(votes.share[world.belongs("wall 0", "wall 1")]) < 0.05
    assert np.corrcoef(votes.weight, votes.views)[0, 1] > 0.3
    assert all(mask.min() >= 0 and mask.max() <= 1 for mask in votes.masks)
