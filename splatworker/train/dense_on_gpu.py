"""Depths of all photos, and which are believed, by kernels, where photos lie in a GPU's memory of our own.

The same bits as processors find (`plane_sweep`, `confirmation`): all photos are swept at once, then judged at once, and
only what came out is fetched.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from splatworker.formats.camera import Camera
from splatworker.render.gpu_array import GpuArray, OwnGpu
from splatworker.render.interface import View
from splatworker.train import confirmation
from splatworker.train.confirmation import Judged, world_from_camera
from splatworker.train.neighbours import NEIGHBOURS, Search
from splatworker.train.plane_sweep import UNKNOWN, planned

_ASKED = (
    confirmation.LEAST_SCORE,
    confirmation.LEAST_OTHER_SCORE,
    confirmation.SURE,
    confirmation.SAME_DEPTH,
    1 + confirmation.FARTHER,
)


def judged_on_gpu(small: Sequence[View], searches: Sequence[Search | None]) -> list[Judged | None]:
    """The depths of small photos; None where nothing is looked for.

    Raises:
        MemoryError: the GPU's memory is too small: 13 bytes a pixel, and 2 more while they are judged.
    """
    from splatworker import _cuda  # noqa: PLC0415 - is not built everywhere

    device: OwnGpu = small[0].photo.device
    sizes = [int(np.prod(view.photo.shape[1:])) for view in small]
    begins = np.concatenate([[0], np.cumsum(sizes)]).tolist()
    grey, depth, score = (GpuArray(device, (begins[-1],), np.float32) for _ in range(3))
    two_view = GpuArray(device, (begins[-1],), np.uint8)
    for view, begin, size in zip(small, begins, sizes, strict=False):
        _cuda.mean_grey(device.index, view.photo.of("uint8"), size, grey[begin:].address)
    depth[...] = 1.0  # near an edge, as in plane_sweep
    score[...] = UNKNOWN
    two_view[...] = 0
    pictures = []
    for view, begin in zip(small, begins, strict=False):
        shape = view.photo.shape[1:]
        ignored = view.ignored.pixels.of("uint8", shape) if view.ignored is not None else 0
        found = [of[begin:].address for of in (depth, score, two_view)]
        pictures.append((*shape, grey[begin:].address, ignored, *found))
    _cuda.plane_sweep(device.index, pictures, _sweeps([view.camera for view in small], searches))

    believed, fresh = (GpuArray(device, (begins[-1],), np.uint8) for _ in range(2))
    asked = [
        _asked(view.camera, picture[-3:-1], search)
        for view, picture, search in zip(small, pictures, searches, strict=True)
    ]
    _cuda.confirm(device.index, asked, _ASKED, confirmation.VOTES_FOR_THE_UNSURE, believed.address, fresh.address)
    told = depth.numpy(), *(of.numpy().view(np.bool_) for of in (two_view, believed, fresh))
    return [
        None if search is None else Judged(view, *(of[begin:end].reshape(view.photo.shape[1:]) for of in told))
        for view, search, (begin, end) in zip(small, searches, pairwise(begins), strict=True)
    ]


Sweep = tuple[int, list[tuple[int, list[float]]], list[float], float, float]
"""Which photo; which others, and how a pixel moves there; depths; the first one's inverse, and the step of inverses."""


def _sweeps(cameras: Sequence[Camera], searches: Sequence[Search | None]) -> list[Sweep]:
    sweeps: list[Sweep] = []
    for index, search in enumerate(searches):
        if search is None:
            continue
        others = search.witnesses[:NEIGHBOURS]
        plan = planned(cameras[index], [cameras[other] for other in others], search.near, search.far)
        moves = [(other, move.numbers) for other, move in zip(others, plan.moves, strict=True)]
        first, second = plan.inverse[:2].tolist()
        sweeps.append((index, moves, plan.depths.tolist(), first, second - first))
    return sweeps


Asked = tuple[int, int, int, int, list[float], list[float], list[float], list[int]]
"""Rows and columns; where depths and their scores are; the lens; poses; the witnesses."""


def _asked(camera: Camera, maps: tuple[int, int], search: Search | None) -> Asked:
    lens = [camera.fx, camera.fy, camera.cx, camera.cy, 0.5 - camera.cx, 0.5 - camera.cy]
    poses = [pose.ravel().tolist() for pose in (camera.camera_from_world[:3], world_from_camera(camera))]
    return camera.height, camera.width, *maps, lens, poses[0], poses[1], search.witnesses if search else []
