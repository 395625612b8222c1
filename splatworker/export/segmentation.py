"""A network's opinion of photos: which pixels are of the one thing that stands out.

It is U^2-Net's small form (Qin et al. 2020, "U^2-Net: Going Deeper with Nested U-Structure for Salient Object
Detection"), run by ONNX Runtime on the processors. Neither is needed to install or to run anything else: the extra
`segmentation` brings the library, `splatworker weights` the file (`segmentation_weights`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib.util import find_spec

import numpy as np
import numpy.typing as npt
from PIL import Image

from splatworker.errors import SegmentationMissing
from splatworker.export import segmentation_weights
from splatworker.machine.limits import available_cpus

Pixels = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]

SIDE = 320
"""Pixels of the square that the network looks at."""

MEAN, DEVIATION = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
"""Of the colours of the photos that it was trained on."""

UNSURE = 0.1, 0.9
"""Between these it is neither the thing nor what is around it."""


def why_missing() -> str | None:
    """What of it is not installed, in words; None where all of it is."""
    if find_spec("onnxruntime") is None:
        return "the library onnxruntime is not installed"
    return segmentation_weights.why_missing()


def network() -> Callable[[Pixels], Floats]:
    """The network: from an upright photo (H, W, 3) to how likely each pixel is of the thing, (320, 320) in [0, 1].

    What it gives is stretched, so that the surest pixel is 1 and the least sure one 0.

    Raises:
        SegmentationMissing: it is not installed, or its file is another than it should be.
    """
    if (why := why_missing()) is not None:
        raise SegmentationMissing(
            f"There is no segmentation network: {why}.",
            hint="pip install onnxruntime, then splatworker weights.",
        )
    import onnxruntime  # noqa: PLC0415 - it need not be there

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = available_cpus(), 1
    options.log_severity_level = 3  # errors alone
    session = onnxruntime.InferenceSession(segmentation_weights.read(), options, providers=["CPUExecutionProvider"])
    given, first = session.get_inputs()[0].name, session.get_outputs()[0].name

    def look(photo: Pixels) -> Floats:
        likely = session.run([first], {given: as_input(photo)})[0][0, 0]
        low, high = float(likely.min()), float(likely.max())
        return np.asarray((likely - low) / max(high - low, 1e-6), np.float32)

    return look


def as_input(photo: Pixels) -> Floats:
    """(1, 3, 320, 320): the photo squeezed into the square, its brightest value 1, less the mean, by the deviation."""
    square = Image.fromarray(photo).resize((SIDE, SIDE), Image.Resampling.LANCZOS)
    colours = np.asarray(square, np.float64)
    colours = (colours / max(float(colours.max()), 1.0) - MEAN) / DEVIATION
    return np.ascontiguousarray(colours.transpose(2, 0, 1)[None], np.float32)


def unsure_share(likely: Floats) -> float:
    """The share of the pixels about which the network says neither yes nor no."""
    low, high = UNSURE
    return float(((likely > low) & (likely < high)).mean())


def masks_of(
    photos: Sequence[Callable[[], Pixels]],
    turns: Sequence[int],
    sizes: Sequence[tuple[int, int]],
    look: Callable[[Pixels], Floats],
    progress: Callable[[float], None] = lambda share: None,
) -> tuple[list[Floats], list[float]]:
    """What the network sees in photos, (H, W) in [0, 1] each, and how unsure it is of each.

    Args:
        photos: read one at a time, as they lie.
        turns: quarter turns, as `numpy.rot90` counts, that set each upright: upside down it sees little.
        sizes: (width, height) of the masks.
    """
    masks, unsure = [], []
    for index, (read, turn, size) in enumerate(zip(photos, turns, sizes, strict=True)):
        likely = look(np.ascontiguousarray(np.rot90(read(), turn)))
        unsure.append(unsure_share(likely))
        lying = Image.fromarray(np.ascontiguousarray(np.rot90(likely, -turn)))
        masks.append(np.array(lying.resize(size, Image.Resampling.BILINEAR), np.float32))
        progress((index + 1) / len(photos))
    return masks, unsure
