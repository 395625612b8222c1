"""Whether this machine can do a job at all: asked when a worker starts, and while the trainer warms up.

Each check runs as a stage in a process of its own (`splatworker check-colmap`, `check-kernels`): COLMAP and torch must
not share one, and a driver that hangs must not hang the worker. The two that measure (`measure-features`,
`measure-training`) are for `splatworker doctor`, which tells from them how long a job takes.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from splatworker.errors import GpuFailed
from splatworker.stages.progress import Reporter

if TYPE_CHECKING:
    import numpy.typing as npt

    from splatworker.render.arrays import Array


def import_colmap(report: Reporter) -> dict[str, Any]:
    """COLMAP can be loaded; its version."""
    from splatworker.sfm.colmap import pycolmap  # noqa: PLC0415 - not in the worker's process

    return {"version": pycolmap.__version__}


def draw_something(report: Reporter) -> dict[str, Any]:
    """The kernels run on the device that a job would use: one Gaussian is drawn.

    Returns:
        device: its name.
        code, reason: why that is no GPU, or "" and "" where it is one; a code of `errors`.

    Raises:
        GpuFailed: they do not.
    """
    import numpy as np  # noqa: PLC0415 - not in the worker's process

    from splatworker.formats.camera import Camera  # noqa: PLC0415
    from splatworker.formats.gaussians import Gaussians  # noqa: PLC0415
    from splatworker.render.arrays import to_device, to_numpy  # noqa: PLC0415
    from splatworker.render.backend import cuda_refusal, renderer_for  # noqa: PLC0415
    from splatworker.render.device import is_gpu  # noqa: PLC0415
    from splatworker.render.tensors import to_tensors  # noqa: PLC0415

    renderer = renderer_for("auto")
    device = renderer.device
    pose = np.hstack([np.eye(3), [[0.0], [0.0], [2.0]]])
    white = Gaussians(
        means=np.zeros((1, 3), np.float32),
        quaternions=np.array([[1, 0, 0, 0]], np.float32),
        log_scales=np.full((1, 3), -1, np.float32),
        opacity_logits=np.full(1, 4, np.float32),
        sh_dc=np.ones((1, 3), np.float32),
        sh_rest=np.zeros((1, 15, 3), np.float32),
    )
    camera = Camera(32, 32, 32.0, 32.0, 16.0, 16.0, pose)
    try:
        black = to_device(np.zeros(3, np.float32), device)
        image = renderer.render(to_tensors(white, device), camera, black, 3)
        middle = float(to_numpy(image)[:, 16, 16].min())
    except RuntimeError as error:
        raise GpuFailed(f"The kernels do not run on this machine: {error}".splitlines()[0]) from error
    if not middle > 0.5:
        raise GpuFailed("The kernels draw nothing on this machine.")
    code, reason = ("", "") if is_gpu(device) else cuda_refusal()
    return {"device": str(device), "code": code, "reason": reason}


def time_features(report: Reporter) -> dict[str, Any]:
    """How fast this machine finds a photo's features.

    Returns:
        seconds: of one processor, for a made-up photo of 1000x750 pixels, the quick look's size: the best of three.
    """
    import numpy as np  # noqa: PLC0415 - not in the worker's process
    from PIL import Image  # noqa: PLC0415

    from splatworker.sfm.colmap import pycolmap  # noqa: PLC0415
    from splatworker.sfm.features import FAST  # noqa: PLC0415

    random = np.random.default_rng(0)
    width, height = FAST.longest, FAST.longest * 3 // 4
    layers = [  # blobs of four sizes, as a photo has details of many
        Image.fromarray(random.integers(0, 256, (height // size, width // size), dtype=np.uint8)).resize(
            (width, height)
        )
        for size in (4, 8, 16, 32)
    ]
    photo = np.mean([np.asarray(layer) for layer in layers], axis=0).astype(np.uint8)
    options = pycolmap.FeatureExtractionOptions()
    options.use_gpu, options.num_threads, options.max_image_size = False, 1, FAST.longest
    options.sift.max_num_features, options.sift.first_octave = FAST.most, FAST.first_octave
    extractor = pycolmap.FeatureExtractor.create(options, pycolmap.Device.cpu)
    bitmap, times = pycolmap.Bitmap.from_array(photo), []
    for _ in range(3):
        began = time.process_time()
        extractor.extract(bitmap)
        times.append(time.process_time() - began)
    return {"seconds": min(times)}


def time_training(report: Reporter) -> dict[str, Any]:
    """How fast the device that a job would use trains.

    Returns:
        seconds: of one step on `TIMED_GAUSSIANS` Gaussians before a photo of `SIZE`, the mean of several.
    """
    import numpy as np  # noqa: PLC0415 - not in the worker's process

    from splatworker.formats.camera import Camera  # noqa: PLC0415
    from splatworker.formats.gaussians import Gaussians  # noqa: PLC0415
    from splatworker.pipeline.expected_time import SIZE, TIMED_GAUSSIANS  # noqa: PLC0415
    from splatworker.render.arrays import to_device  # noqa: PLC0415
    from splatworker.render.backend import renderer_for  # noqa: PLC0415
    from splatworker.render.device import kind  # noqa: PLC0415
    from splatworker.render.interface import (  # noqa: PLC0415
        AdamState,
        DensityStatistics,
        LearningRates,
        LossTerms,
        Step,
        View,
    )
    from splatworker.render.tensors import to_tensors  # noqa: PLC0415

    def on_device(array: npt.NDArray[Any]) -> Array:
        return to_device(array, renderer.device)

    renderer = renderer_for("auto")
    random, shapes = np.random.default_rng(0), ((3,), (4,), (3,), (), (3,), (15, 3))
    arrays = [random.normal(scale=0.3, size=(TIMED_GAUSSIANS, *shape)).astype(np.float32) for shape in shapes]
    arrays[2] -= 4.5  # some pixels wide each
    parameters = to_tensors(Gaussians(*arrays), renderer.device)
    zeros = Gaussians(*map(np.zeros_like, arrays))
    moments = AdamState(*(to_tensors(zeros, renderer.device) for _ in AdamState._fields))
    statistics = DensityStatistics(*(on_device(zeros.opacity_logits.copy()) for _ in DensityStatistics._fields))
    pose = np.array([[1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 1.0]])
    width, height = SIZE
    middle = width / 2, height / 2
    camera = Camera(width, height, 1300.0, 1300.0, *middle, pose)
    photo = on_device(np.full((3, height, width), 128, np.uint8))
    black, rates = on_device(np.zeros(3, np.float32)), LearningRates(*(1e-4 for _ in LearningRates._fields))
    device = kind(renderer.device)
    steps, began = (3 if device == "cpu" else 50), 0.0
    for number in range(1, steps + 3):
        if number == 3:  # the first two load what is loaded late
            began = time.perf_counter()
        step = Step(View(camera, photo), black, 3, LossTerms(0.2), rates, number)
        loss = renderer.training_step(parameters, moments, statistics, step)
        float(loss.total)  # has ended on the device
    return {"seconds": (time.perf_counter() - began) / steps, "device": device}


CHECKS: dict[str, Callable[[Reporter], dict[str, Any]]] = {
    "check-colmap": import_colmap,
    "check-kernels": draw_something,
    "measure-features": time_features,
    "measure-training": time_training,
}
