"""What photos bear out of each other: a thing before one camera alone has no witness, gloss has several against it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from support.colmap_files import ring_cameras
from support.gaussian_scenes import concatenate
from support.kinds import on_either
from support.passed import one_thing

from splatworker.render.arrays import Device, to_device, to_numpy
from splatworker.render.cpu import CpuRenderer
from splatworker.render.interface import SH_C0, GaussianTensors
from splatworker.train.agreement import AGREES, Look, difference, disagreement, weights, witnessed

COUNT = 16
"""Photos around the ball: five see a place well."""

FEW = 8
"""Three of so many do."""


def before(camera: int, count: int = 1, photos: int = COUNT) -> GaussianTensors:
    """A red patch close before a camera of the ring, between it and the ball."""
    center = ring_cameras(photos, width=64, height=48)[camera].center
    return one_thing(count)._replace(
        means=torch.tensor(0.7 * center[None], dtype=torch.float32).repeat(count, 1),
        log_scales=torch.full((count, 3), -2.0),
        sh_dc=torch.tensor([[0.5, -0.4, -0.4]]).repeat(count, 1) / SH_C0,
    )


def on(device: Device, gaussians: GaussianTensors) -> GaussianTensors:
    return GaussianTensors(*(to_device(tensor.numpy(), device) for tensor in gaussians))


def looks_at(
    gaussians: GaussianTensors, changed: dict[int, GaussianTensors] | None = None, photos: int = COUNT
) -> list[Look]:
    """Photos of Gaussians; some of others."""
    renderer, black = CpuRenderer(), torch.zeros(3)
    return [
        Look(camera, renderer.render((changed or {}).get(index, gaussians), camera, black, 0).numpy(), None)
        for index, camera in enumerate(ring_cameras(photos, width=64, height=48))
    ]


@on_either
@pytest.mark.parametrize("learnt", [False, True], ids=["not learnt", "learnt by heart"])
def test_who_stands_before_one_camera_is_denied_by_the_others(device: Device, learnt: bool) -> None:
    ball = one_thing()
    with_somebody = concatenate(ball, before(3))
    looks = looks_at(ball, {3: with_somebody})
    model = on(device, with_somebody if learnt else ball)
    black = to_device(np.zeros(3, np.float32), device)
    maps, weight = disagreement(CpuRenderer(device=device), model, looks, len(looks) * [black], 0)
    assert all(differs.max() < AGREES for index, differs in enumerate(maps) if index != 3)
    assert (maps[3] > 0.1).sum() > 60
    assert weight.shape == (len(model.means),)
    assert weight.sum() > 0
    ignored = np.ones((48, 64), bool)
    looks[3] = looks[3]._replace(ignored=ignored)
    assert disagreement(CpuRenderer(device=device), model, looks, len(looks) * [black], 0).maps[3].max() == 0


def test_where_few_photos_see_a_place_nobody_is_denied_but_at_a_close_look() -> None:
    ball = one_thing()
    looks = looks_at(ball, {3: concatenate(ball, before(3, photos=FEW))}, FEW)
    black = FEW * [np.zeros(3, np.float32)]
    strict, loose = (
        disagreement(CpuRenderer(), on("cpu", ball), looks, black, 0, strict=strict).maps for strict in (True, False)
    )
    assert max(differs.max() for differs in strict) == 0
    assert (loose[3] > 0.1).sum() > 60


def test_what_differs_from_several_photos_is_borne_out_only_if_asked_less_strictly() -> None:
    ball = one_thing()
    shiny = one_thing()
    side = ball.means[:, 0] > 0.5
    colours = shiny.sh_dc.clone()
    colours[side] += 0.3 / SH_C0
    looks = looks_at(ball, {index: shiny._replace(sh_dc=colours) for index in (0, 1, 2, 9)})
    model = on("cpu", ball)
    renderer, black = CpuRenderer(), np.zeros(3, np.float32)
    differences = [difference(renderer.render(model, look.camera, black, 0), look.photo) for look in looks]
    strict, _, usual, _ = witnessed(renderer, model, looks, differences, len(looks) * [black])
    loose, *_ = witnessed(renderer, model, looks, differences, len(looks) * [black], strict=False)
    glossy = side.numpy() & loose
    assert glossy.sum() > 10
    assert strict[glossy].mean() < 0.5 * strict[~side.numpy()].mean()
    assert usual[glossy].mean() > 5 * usual[~side.numpy() & strict].mean()


def test_weights_are_those_of_each_pixel_times_its_factor() -> None:
    model = on("cpu", one_thing(40))
    camera = ring_cameras(1, width=64, height=48)[0]
    renderer, black = CpuRenderer(), np.zeros(3, np.float32)
    left = np.zeros((48, 64), np.float32)
    left[:, :32] = 1
    one, half, whole = weights(renderer, model, camera, [left, 1 - left, np.ones_like(left)], black)
    assert one + half == pytest.approx(whole, abs=1e-3)
    white = model._replace(sh_dc=np.full_like(model.sh_dc, 0.5 / SH_C0))
    assert whole.sum() == pytest.approx(to_numpy(renderer.render(white, camera, black, 0))[0].sum(), rel=1e-4)


def test_an_edge_that_is_a_pixel_off_is_no_difference() -> None:
    picture = np.zeros((3, 20, 20), np.float32)
    picture[:, :, 10:] = 0.8
    moved = np.roll(picture, 1, axis=2)
    moved[:, :, 0] = 0
    line = picture.copy()
    line[1, :, 4] = 0.5
    assert difference(picture, moved).max() == 0
    assert difference(picture, line).max() == 0
    patch = picture.copy()
    patch[1, 5:12, 2:8] = 0.5
    assert difference(picture, patch)[6:11, 3:7].min() == pytest.approx(0.5)
