"""What can be had of a scene before the device is known that trains on it: read, and its photos decoded, in threads.

A GPU opens meanwhile; the trainer takes what it asks for as soon as it is there.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import numpy as np

from splatworker.formats.colmap import Points
from splatworker.formats.mask_names import MaskRules
from splatworker.formats.scene import Photo, Scene, image_size, read_scene, split
from splatworker.machine.gpu import has_driver
from splatworker.machine.limits import available_cpus
from splatworker.render.opening import ARRAYS, GPUS
from splatworker.train.free_space import Bounds, bounds_of
from splatworker.train.launch import is_started
from splatworker.train.light import Correction, Light
from splatworker.train.options import Options
from splatworker.train.photos import Decoded, decode_soon

if TYPE_CHECKING:
    from splatworker.train.neighbours import Search

T = TypeVar("T")


class Loaded(NamedTuple):
    """A scene that was read; `decoded` has its photos as they will be, first those to train on."""

    scene: Scene
    train_photos: list[Photo]
    test_photos: list[Photo]
    decoded: deque[Future[Decoded]]


class Loading:
    """The scene of a training, on its way from the moment this is made; what is left of that ends with the block.

    Args:
        options: the run's options.
    """

    def __init__(self, options: Options) -> None:
        self._options = options
        self._decoders = ThreadPoolExecutor(available_cpus())
        self._reader = ThreadPoolExecutor(1)
        self._correction: Future[Correction | None]
        self._free_space: Future[list[Bounds | None]]
        self._planner = ThreadPoolExecutor(1)
        self._planned: Future[_Planned] | None = None
        self._loaded = self._reader.submit(quietly, self._read)

    def __enter__(self) -> Loading:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # First those whose work comes out of the other's.
        self._decoders.shutdown(wait=False, cancel_futures=True)
        self._reader.shutdown(cancel_futures=True)
        self._decoders.shutdown()
        self._planner.shutdown()

    def loaded(self) -> Loaded:
        """The scene, once it has been read.

        Raises:
            InvalidScene: it is missing, broken or empty.
            InvalidMasks: the masks are of other photos.
        """
        return self._loaded.result()

    def correction(self) -> Correction | None:
        """What is to be taken out of the photos (`Light.correction`) of a scene that is `loaded`; waits for all."""
        return self._correction.result()

    def free_space(self) -> list[Bounds | None]:
        """Of each photo to train on, the bounds of its free space (`free_space.bounds_of`); the scene is `loaded`."""
        return self._free_space.result()

    def wanted_searches(self, *, on_gpu: bool) -> list[Search | None] | None:
        """How dense start points are looked for (`dense_points.wanted_searches`) in a scene that is `loaded`."""
        if self._planned is not None and (planned := self._planned.result()).on_gpu == on_gpu:
            return planned.searches
        loaded = self.loaded()
        return _planned(self._options, loaded.train_photos, loaded.scene.points, on_gpu=on_gpu).searches

    def _read(self) -> Loaded:
        options = self._options
        rules = MaskRules(options.mask_mode, options.invert_masks)
        scene = read_scene(options.source_path, options.images, options.masks, rules)
        train_photos, test_photos = split(scene.photos, options.eval)
        photos = [*train_photos, *test_photos]
        soon: Future[Light] = Future()  # decoding takes longer than what is read of observations, and need not wait
        try:
            decoded = decode_soon(
                photos, options, self._decoders, lambda photo, pixels: soon.result().look(photo, pixels)
            )
            light = Light(scene.observed if options.light != "as_taken" else None)
        except BaseException as error:
            soon.set_exception(error)  # or decoders would wait for ever, also where the block has ended meanwhile
            raise
        soon.set_result(light)
        if options.start_checkpoint is None:
            plan = partial(_planned, options, train_photos, scene.points)
            self._planned = self._planner.submit(quietly, plan)
        self._free_space = self._reader.submit(quietly, partial(bounds_of, train_photos, scene.points))
        self._reader.submit(quietly, partial(light.aim, photos))
        waiting = partial(_correction_of, light, options, photos, list(decoded))
        self._correction = self._reader.submit(quietly, waiting)
        return Loaded(scene, train_photos, test_photos, decoded)


def _correction_of(
    light: Light, options: Options, photos: list[Photo], decoded: list[Future[Decoded]]
) -> Correction | None:
    for soon in decoded:
        soon.exception()  # waits; `futures.wait` would for ever, for one that is cancelled
    return light.correction(options.light, photos, learnt=options.train_test_exp)


class _Planned(NamedTuple):
    """How dense start points are looked for, be it by a GPU or by processors."""

    on_gpu: bool
    searches: list[Search | None] | None


def _planned(options: Options, photos: list[Photo], points: Points, *, on_gpu: bool | None = None) -> _Planned:
    """By whoever is told, or will train as far as can be told before a GPU is open."""
    from splatworker.train.dense_points import wanted_searches  # noqa: PLC0415 - no photo waits for these modules

    if on_gpu is None:
        own = not is_started() and os.environ.get(ARRAYS) != "torch"
        on_gpu = options.device in GPUS and own and has_driver()
    sized = [(photo.camera, image_size(photo.camera, options.resolution)) for photo in photos]
    cameras = [camera.resized(*size) for camera, size in sized]
    return _Planned(on_gpu, wanted_searches(options, cameras, points, on_gpu=on_gpu))


@np.errstate(all="ignore")  # as in the trainer; each thread has its own
def quietly(work: Callable[[], T]) -> T:
    """What work comes to; what is not a number there is not told of."""
    return work()
