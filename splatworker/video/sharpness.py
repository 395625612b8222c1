"""How sharp a frame is, beside its neighbours: what blurs a moving camera's frame blurs one direction of it most."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Grey = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float64]

_NOTHING = 0.05
"""Share of the detail along one direction under which there is nothing to see along the other, of railings, say."""

_DARK = 16.0
"""Added to the brightness that contrast is divided by, so that noise in the dark is not taken for detail."""


def detail(grey: Grey) -> tuple[float, float]:
    """The contrast of neighbouring pixels along rows and along columns, for a frame's brightness.

    The root of the mean squared difference of pixels two apart (Tenengrad, without its smoothing), divided by the mean
    brightness: so a change of the exposure alone changes it little.

    Args:
        grey: (height, width).
    """
    pixels = grey.astype(np.int16)
    along_rows = (pixels[:, 2:] - pixels[:, :-2]).ravel()
    along_columns = (pixels[2:] - pixels[:-2]).ravel()
    brightness = float(pixels.mean()) + _DARK
    return _root_mean_square(along_rows) / brightness, _root_mean_square(along_columns) / brightness


def _root_mean_square(differences: npt.NDArray[np.int16]) -> float:
    return float(np.sqrt(np.square(differences, dtype=np.int32).mean())) if len(differences) else 0.0


def relative_sharpness(details: Floats, reach: int) -> Floats:
    """Each frame's detail as a share of what is usual around it; 1 is as sharp as its neighbours.

    Texture decides how much detail there is, so a frame is compared with those that show nearly the same: in each
    direction with the upper quartile of the frames at most `reach` away. The smaller of both counts, of those along
    which there is anything to see.

    Args:
        details: (frames, 2) as `detail` gives them.
        reach: frames on either side.
    """
    count = len(details)
    usual = np.empty_like(details)
    for frame in range(count):
        around = details[max(0, frame - reach) : frame + reach + 1]
        usual[frame] = np.quantile(around, 0.75, axis=0)
    shares = details / np.maximum(usual, 1e-9)
    shares[usual < _NOTHING * usual.max(axis=1, keepdims=True)] = np.inf
    return np.asarray(shares.min(axis=1))
