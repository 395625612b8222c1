"""What is done to arrays where they are, in a GPU's memory of our own (`gpu_array`): kernels/cuda/array_kernels.h.

Each function is held to its twin in numpy, which the kernel's declaration names. What is decided about Gaussians comes
back as numpy's arrays.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from splatworker.formats.camera import Camera
from splatworker.render.gpu_array import GpuArray

Mask = npt.NDArray[np.bool_]

_CHANNELS = 3


def rows(array: GpuArray, index: GpuArray, out: GpuArray) -> None:
    """Write rows of (N, ...) float32, by their (M,) int32 indices, which must be there, into `out` (M, ...)."""
    row = array.shape[1:]
    count = len(index)
    array.device.memory.rows(
        array.of("float32"),
        index.of("int32"),
        count,
        array.size // max(1, len(array)),
        out.of("float32", (count, *row)),
    )


def density_facts(
    norms: GpuArray, views: GpuArray, log_scales: GpuArray, gradient: float, small: float, large: float
) -> npt.NDArray[np.uint8]:
    """(N,) bits of what density control has to know of each Gaussian: 1 wanted, 2 small, 4 fits.

    See `train.density_facts`.
    """
    count = len(log_scales)
    facts = GpuArray(log_scales.device, (count,), np.uint8)
    log_scales.device.memory.density_facts(
        norms.of("float32", (count,)), views.of("float32", (count,)), log_scales.of("float32", (count, 3)), count,
        gradient, small, large, facts.address,
    )  # fmt: skip
    return facts.numpy()


def in_free_space(
    means: GpuArray, camera_from_world: GpuArray, lenses: GpuArray, ends: GpuArray, margin: float
) -> Mask:
    """(N,) which of (N, 3) means lie before the end, (C,), of a camera's free space, `margin` of its picture beside."""
    count, cameras = len(means), len(ends)
    held = GpuArray(means.device, (count,), np.uint8)
    means.device.memory.free_space(
        means.of("float32", (count, 3)), count, camera_from_world.of("float32", (cameras, 3, 4)),
        lenses.of("float32", (cameras, 4)), cameras, ends.of("float32"), margin, held.address,
    )  # fmt: skip
    return held.numpy().view(np.bool_)


def outside(
    means: GpuArray, camera_from_world: GpuArray, lenses: GpuArray, opaque: GpuArray, counts: GpuArray | None
) -> Mask:
    """(N,) which of (N, 3) means lie where too few of the cameras, (C, S, S) bytes, show something opaque."""
    count, (cameras, side, _) = len(means), opaque.shape
    found = GpuArray(means.device, (count,), np.uint8)
    means.device.memory.outside(
        means.of("float32", (count, 3)), count, camera_from_world.of("float32", (cameras, 3, 4)),
        lenses.of("float32", (cameras, 4)), cameras, opaque.of("uint8"),
        counts.of("uint8", opaque.shape) if counts is not None else 0, side, found.address,
    )  # fmt: skip
    return found.numpy().view(np.bool_)


def halved_photo(photo: GpuArray, ignored: GpuArray | None) -> GpuArray:
    """(P, H // 2, W // 2) means of four pixels of (P, H, W) bytes; 0 where (H // 2, W // 2) `ignored` is not."""
    planes, height, width = photo.shape
    shape = height // 2, width // 2
    half = GpuArray(photo.device, (planes, *shape), np.uint8)
    where = ignored.of("uint8", shape) if ignored is not None else 0
    photo.device.memory.halve_photo(photo.of("uint8"), planes, width, height, where, half.address)
    return half


def halved_mask(mask: GpuArray) -> GpuArray:
    """(H // 2, W // 2) bytes: 1 where any of four of (H, W) is not 0."""
    height, width = mask.shape
    half = GpuArray(mask.device, (height // 2, width // 2), np.uint8)
    mask.device.memory.halve_mask(mask.of("uint8"), width, height, half.address)
    return half


def laid_over(photo: GpuArray, hole: GpuArray, ignored: GpuArray | None, colour: GpuArray, background: int) -> GpuArray:
    """A (3, H, W) photo over another colour, (3,) in [0, 1], than the grey in [0, 255] that it lies on in its holes."""
    pixels, size = photo.shape[1:], hole.size
    laid = GpuArray(photo.device, photo.shape, np.uint8)
    photo.device.memory.lay_over(
        photo.of("uint8", (_CHANNELS, *pixels)), hole.of("uint8", pixels),
        ignored.of("uint8", pixels) if ignored is not None else 0, colour.of("float32", (_CHANNELS,)), background,
        size, laid.address,
    )  # fmt: skip
    return laid


def scaled_photo(photo: GpuArray, factors: GpuArray) -> GpuArray:
    """A (3, H, W) photo, each channel times a factor, (3,)."""
    scaled = GpuArray(photo.device, photo.shape, np.uint8)
    photo.device.memory.scale_photo(
        photo.of("uint8"), factors.of("float32", (_CHANNELS,)), photo.size // _CHANNELS, scaled.address
    )
    return scaled


def area_means(picture: GpuArray, side: int, *, not_zero: bool = False) -> npt.NDArray[np.float32]:
    """See `arrays.area_means`, of (H, W) bytes; where asked for, of whether they are not 0."""
    height, width = picture.shape
    means = GpuArray(picture.device, (side, side), np.float32)
    picture.device.memory.area_means(picture.of("uint8"), width, height, side, not_zero, means.address)
    return means.numpy()


def without_ignored(picture: GpuArray, ignored: GpuArray, scale: float) -> GpuArray:
    """A (3, H, W) float32 picture `scale` times as large, and 0 where (H, W) `ignored` is not."""
    left = GpuArray(picture.device, picture.shape, np.float32)
    picture.device.memory.without_ignored(
        picture.of("float32"), ignored.of("uint8", picture.shape[1:]), ignored.size, scale, left.address
    )
    return left


def hides(means: GpuArray, camera: Camera, near: float, ignored: GpuArray) -> GpuArray:
    """(N,) bytes that are not 0 where a photo is ignored at the projection of (N, 3) means beyond `near`."""
    hidden = GpuArray(means.device, (len(means),), np.uint8)
    means.device.memory.hides(
        means.of("float32", (len(means), 3)), len(means), camera.camera_from_world[:3].ravel().tolist(),
        (camera.fx, camera.fy, camera.cx, camera.cy), near, camera.width, camera.height,
        ignored.of("uint8", (camera.height, camera.width)), hidden.address,
    )  # fmt: skip
    return hidden


def put_back(hidden: GpuArray, before: GpuArray, now: GpuArray) -> None:
    """Let numbers be what they were before where `hidden` is not 0; (N,) each."""
    shape = hidden.shape
    now.device.memory.put_back(hidden.of("uint8"), before.of("float32", shape), len(now), now.of("float32", shape))


def weigh_loss(values: GpuArray, weight: float) -> None:
    """See `ignored.weighted`, in place, of (3,) total, l1, ssim."""
    values.device.memory.weigh_loss(values.of("float32", (3,)), weight)


def square_errors(image: GpuArray, photo: GpuArray, ignored: GpuArray | None) -> float:
    """The sum of the squared differences of a (3, H, W) image, cut to [0, 1], and a photo of bytes, not ignored."""
    pixels = image.shape[1:]
    where = ignored.of("uint8", pixels) if ignored is not None else 0
    return image.device.memory.square_errors(
        image.of("float32", (_CHANNELS, *pixels)), photo.of("uint8", image.shape), where, image.size // _CHANNELS
    )


def square_differences(a: GpuArray, b: GpuArray, counted: GpuArray | None) -> float:
    """The sum of the squared differences of two (3, H, W) pictures where (H, W) bytes are not 0."""
    pixels = a.shape[1:]
    where = counted.of("uint8", pixels) if counted is not None else 0
    return a.device.memory.square_differences(
        a.of("float32", (_CHANNELS, *pixels)), b.of("float32", a.shape), where, a.size // _CHANNELS
    )


def nearest(points: GpuArray, entries: GpuArray) -> GpuArray:
    """(N,) int32, which of the entries (K, D) is the nearest to each of (N, D) points."""
    (count, width), palette = points.shape, len(entries)
    found = GpuArray(points.device, (count,), np.int32)
    points.device.memory.nearest(
        points.of("float32"), count, entries.of("float32", (palette, width)), palette, width, found.address
    )
    return found


def sums_of_labels(
    points: GpuArray, masses: GpuArray, labels: GpuArray, palette: int, scale: float
) -> npt.NDArray[np.float64]:
    """(K, D + 1) the sums of the (N, D) points of each label times their masses, and of these, the same every time.

    `scale`, by which numbers become whole ones, is so that no sum reaches 2^63.
    """
    count, width = points.shape
    sums = GpuArray(points.device, (palette, width + 1), np.int64)
    sums[...] = 0
    points.device.memory.sums_of_labels(
        points.of("float32"), masses.of("float32", (count,)), labels.of("int32", (count,)), count, width, scale,
        sums.address,
    )  # fmt: skip
    return sums.numpy() / scale


def mean_error(
    means: GpuArray, lost: GpuArray, centers: GpuArray, weights: GpuArray, inertia: float
) -> npt.NDArray[np.float32]:
    """(N, 3) how much lost harmonics, (N, K - 1, 3), show in the views, (V, 3) and (V, N), on average."""
    (count, harmonics, _), views = lost.shape, len(centers)
    error = GpuArray(means.device, (count, _CHANNELS), np.float32)
    means.device.memory.mean_error(
        means.of("float32", (count, 3)), lost.of("float32"), count, harmonics, centers.of("float32", (views, 3)),
        weights.of("float32", (views, count)), views, inertia, error.address,
    )  # fmt: skip
    return error.numpy()


def picture(image: GpuArray) -> npt.NDArray[np.uint8]:
    """(H, W, 3) bytes of a (3, H, W) image, cut to [0, 1]."""
    _, height, width = image.shape
    drawn = GpuArray(image.device, (height, width, _CHANNELS), np.uint8)
    image.device.memory.to_picture(image.of("float32", (_CHANNELS, height, width)), height * width, drawn.address)
    return drawn.numpy()
