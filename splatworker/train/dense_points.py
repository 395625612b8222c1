"""More points to start from, where photos are few: found by their pixels, each confirmed by a second photo.

The cameras' own points are corners that the features happened to find, some hundreds a photo. A splat of many photos
grows what lies between them; one of few learns the photos by heart instead. A plane sweep (`plane_sweep`) finds how far
away every pixel with some structure is. What it says is believed where it agrees with what the sweep of another photo
says of the same place, and a place that several photos show becomes one point.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from splatworker.formats.camera import Camera
from splatworker.formats.colmap import Points
from splatworker.machine.limits import available_cpus
from splatworker.render.arrays import cast, computable, device_of, fill, to_numpy
from splatworker.render.device import is_gpu
from splatworker.render.gpu_array import GpuArray
from splatworker.render.interface import View
from splatworker.train.confirmation import Judged, Swept, confirmed, fresh, place
from splatworker.train.dense_on_gpu import judged_on_gpu
from splatworker.train.neighbours import NEIGHBOURS, Search, searches
from splatworker.train.options import Options
from splatworker.train.plane_sweep import UNKNOWN, Picture, depth_map
from splatworker.train.resolution import halved, halved_camera

LONGEST_SIDE, LARGER = 320, 1.4
"""Pixels of the pictures that are swept, about: photos are halved until they are at most so many times as large."""

MOST_POINTS = 20_000
"""To start from, the scene's own included; half of `max_gaussians` where that is less. 50 000 were no better."""

LEAST_COVERAGE = 0.26
"""Of the photos' pixels: where dense points cover fewer, "auto" leaves it at the cameras' own. What is small from the
start covers nothing of the rest, which large Gaussians before the cameras then do (docs/lab-log/cameras-and-cpu.md,
"Few photos")."""

LEAST_COVERAGE_OF_TWO_VIEW, LEAST_TWO_VIEW = 0.06, 0.1
"""But so little is enough where one alone of several other photos tells so large a share of it. There what lacks is not
texture but a third photo, and what is seen from so few places finds its depth by no other way
(docs/benchmarks.md, "Few photos: places that two photos alone show")."""

FEW_PHOTOS = 32
"""With more, "auto" asks where a GPU looks for them, which takes next to no time, and only so many:"""

MORE_PHOTOS, LEAST_COVERAGE_OF_MORE = 100, 0.4
"""of which dense points must cover more: fox's 43 (.59) gain 0.3 dB, conch's 77 (.31) lose as much."""


class Found(NamedTuple):
    """New points, of which each was seen by two photos, and the share of the photos' pixels that they cover.

    And of these pixels, the share whose depth one alone of several other photos tells.
    """

    points: Points
    coverage: float
    two_view: float


def _silent(sentence: str) -> None:
    """For those who do not want to hear it."""


def wanted_searches(
    options: Options, cameras: Sequence[Camera], points: Points, *, on_gpu: bool
) -> list[Search | None] | None:
    """How the depths of views by such cameras are looked for; None where the options want none.

    Args:
        on_gpu: whether it is a GPU that looks.
    """
    if least_coverage(options, len(cameras), on_gpu=on_gpu) is None:
        return None
    return _searches(cameras, points)


def _searches(cameras: Sequence[Camera], points: Points) -> list[Search | None]:
    return searches([_small_camera(camera) for camera in cameras], points.xyz)


def more_points(
    options: Options,
    views: Sequence[View],
    points: Points,
    warn: Callable[[str], None] = _silent,
    wanted: Sequence[Search | None] | None = None,
) -> Found | None:
    """`dense_points` where the options want them; None where training starts from the scene's own points alone.

    Args:
        wanted: the `wanted_searches` of the same cameras.
    """
    least = least_coverage(options, len(views), on_gpu=isinstance(views[0].photo, GpuArray))
    if least is None:
        return None
    most = min(MOST_POINTS, options.max_gaussians // 2) if options.max_gaussians else MOST_POINTS
    found = dense_points(views, points, max(0, most - len(points.xyz)), warn, wanted)
    return found if found.coverage >= least or _lacks_photos(found, len(views)) else None


def _lacks_photos(found: Found, photos: int) -> bool:
    """Whether points cover little for want of a third photo."""
    return photos <= FEW_PHOTOS and found.coverage >= LEAST_COVERAGE_OF_TWO_VIEW and found.two_view >= LEAST_TWO_VIEW


def least_coverage(options: Options, photos: int, *, on_gpu: bool) -> float | None:
    """Of so many photos, the share that is always enough to start from dense points; None where none are looked for.

    Args:
        on_gpu: whether it is a GPU that looks.
    """
    if options.start_points == "dense":
        return 0.0
    if options.start_points == "sparse" or photos > (MORE_PHOTOS if on_gpu else FEW_PHOTOS):
        return None
    return LEAST_COVERAGE if photos <= FEW_PHOTOS else LEAST_COVERAGE_OF_MORE


def dense_points(
    views: Sequence[View],
    points: Points,
    most: int = MOST_POINTS,
    warn: Callable[[str], None] = _silent,
    wanted: Sequence[Search | None] | None = None,
) -> Found:
    """Points of the surfaces that photos show, beside those that they have.

    Args:
        views: the photos, on the device that trains.
        points: the scene's.
        most: how many are wanted at most; chosen by chance where there are more.
        warn: hears where a GPU's memory was too small, and processors did its work.
        wanted: how their depths are looked for; None: it is worked out now.
    """
    small = _smaller(views)
    if wanted is None:
        wanted = _searches([view.camera for view in views], points)
    judged = _judged(small, wanted, warn)
    known = [one for one in judged if one is not None]
    coverage = sum(float(np.mean(one.believed)) for one in known) / len(judged)
    of_two = sum(float(np.mean(one.believed & one.two_view)) for one in known) / len(judged)
    xyz, rgb = _merged(judged, most)
    return Found(Points(xyz, rgb, np.full(len(xyz), 2, np.int64)), coverage, of_two / coverage if coverage else 0.0)


def _smaller(views: Sequence[View]) -> list[View]:
    if not isinstance(views[0].photo, np.ndarray):
        return [_small(view) for view in views]  # one large one after the other, in a GPU's memory
    with ThreadPoolExecutor(available_cpus()) as pool:
        return list(pool.map(_small, views))


def _small(view: View) -> View:
    """A view halved until it is about `LONGEST_SIDE`."""
    while max(view.photo.shape) > LARGER * LONGEST_SIDE:
        view = halved(view)
    return view


def _small_camera(camera: Camera) -> Camera:
    """That of its view, as `_small` leaves it."""
    while max(camera.width, camera.height) > LARGER * LONGEST_SIDE:
        camera = halved_camera(camera)
    return camera


def _judged(
    small: Sequence[View], wanted: Sequence[Search | None], warn: Callable[[str], None]
) -> Sequence[Judged | None]:
    """The depths of photos; None where nothing is looked for."""
    if isinstance(small[0].photo, GpuArray):
        try:
            return judged_on_gpu(small, wanted)
        except MemoryError as error:
            warn(f"Processors, and not the GPU, looked for dense start points ({error}).")
    with ThreadPoolExecutor(available_cpus()) as some, ThreadPoolExecutor(1) as one_at_a_time:
        pictures = list(some.map(_picture, small))
        pool = one_at_a_time if is_gpu(device_of(pictures[0][1].grey)) else some  # torch's, which one photo fills

        def sweep(index: int) -> Swept | None:
            search, (view, picture) = wanted[index], pictures[index]
            if search is None:
                return None
            others = [pictures[other][1] for other in search.witnesses[:NEIGHBOURS]]
            found = depth_map(picture, others, search.near, search.far)
            if view.ignored is not None:
                fill(found.score, view.ignored.pixels != 0, UNKNOWN)
            return Swept(view, found, search.witnesses)

        swept = list(pool.map(sweep, range(len(small))))
        believed = confirmed(swept, pool.map)

        def judge(index: int) -> Judged | None:
            one, keep = swept[index], believed[index]
            if one is None or keep is None:
                return None
            new = fresh(index, swept, believed)
            return Judged(one.view, *(to_numpy(of) for of in (one.map.depth, one.map.two_view, keep, new)))

        return list(pool.map(judge, range(len(small))))


def _picture(view: View) -> tuple[View, Picture]:
    """A view, with arrays of our own on the host, and its grey picture."""
    ignored = view.ignored and view.ignored._replace(pixels=computable(view.ignored.pixels))
    view = View(view.camera, computable(view.photo), ignored)
    red, green, blue = cast(view.photo, "float32")
    return view, Picture((red + green + blue) / (3 * 255), view.camera)


def _merged(judged: Sequence[Judged | None], most: int) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.uint8]]:
    """(M, 3) places that photos are believed, and their colours: once each, of the first photo that shows them."""
    number = sum(int(np.count_nonzero(one.fresh)) for one in judged if one is not None)
    wanted = np.ones(number, np.bool_)
    if number > most:
        wanted[:] = False
        wanted[np.random.default_rng(0).permutation(number)[:most]] = True
    places, colours = [np.zeros((0, 3))], [np.zeros((0, 3), np.uint8)]
    for one in judged:
        if one is None:
            continue
        pixels = np.flatnonzero(one.fresh)
        mine, wanted = wanted[: len(pixels)], wanted[len(pixels) :]
        rows, columns = np.divmod(pixels[mine], one.fresh.shape[1])
        x, y = columns.astype(np.float32), rows.astype(np.float32)
        axes = place(one.view.camera, x, y, one.depth[rows, columns])
        places.append(np.stack(axes, axis=1).astype(np.float64))
        colours.append(to_numpy(one.view.photo)[:, rows, columns].T)
    return np.concatenate(places), np.concatenate(colours)
