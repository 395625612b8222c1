"""A splat as numpy arrays: what files hold and stages exchange. No torch here."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]

MAX_SH_DEGREE = 3

MOST_GAUSSIANS = 50_000_000
"""Of a file: what promises more is taken for broken before memory is asked for. They are 12 GB at degree 3."""

LARGEST = 1e15
"""Of a position, a colour and a harmonic: what is larger, squares of which float32 cannot hold, is taken for broken."""

LARGEST_LOG_SCALE = 44.0
"""Likewise of a scale, whose square is its variance."""


@dataclass(frozen=True)
class Gaussians:
    """N Gaussians, float32; K = (degree + 1)^2 spherical-harmonics coefficients a channel.

    The fields, their order and their meaning are those of `splatworker.render.interface.GaussianTensors`.

    Attributes:
        means: (N, 3) centers, in the scene's units and frame.
        quaternions: (N, 4) rotations as w, x, y, z; need not be of unit length.
        log_scales: (N, 3) natural logarithms of the standard deviations along the Gaussian's own axes.
        opacity_logits: (N,) logits of the opacities.
        sh_dc: (N, 3) constant coefficient of red, green, blue: RGB = 0.5 + 0.2820948 sh_dc.
        sh_rest: (N, K - 1, 3) the other coefficients.
        antialiased: they were trained to be drawn with antialiasing (`render.interface`); drawn without it, what is
            small looks thick and bright.

    Raises:
        ValueError: the shapes do not belong together.
    """

    means: FloatArray
    quaternions: FloatArray
    log_scales: FloatArray
    opacity_logits: FloatArray
    sh_dc: FloatArray
    sh_rest: FloatArray
    antialiased: bool = field(default=False, kw_only=True)

    def __post_init__(self) -> None:
        n, rest = len(self.means), self.sh_rest.shape[1] if self.sh_rest.ndim == 3 else -1
        shapes = {
            "means": (n, 3),
            "quaternions": (n, 4),
            "log_scales": (n, 3),
            "opacity_logits": (n,),
            "sh_dc": (n, 3),
            "sh_rest": (n, rest, 3),
        }
        for name, shape in shapes.items():
            array = getattr(self, name)
            if array.shape != shape or array.dtype != np.float32:
                raise ValueError(f"{name} is {array.dtype} {array.shape}, not float32 {shape}")
        if rest not in REST_COUNTS:
            raise ValueError(f"{rest} coefficients beside the constant belong to no degree from 0 to 3")

    def __len__(self) -> int:
        return len(self.means)

    @property
    def sh_degree(self) -> int:
        """The degree of the spherical harmonics, 0 to 3."""
        return REST_COUNTS.index(self.sh_rest.shape[1])

    @property
    def opacities(self) -> FloatArray:
        """(N,) opacities in (0, 1)."""
        # tanh does not overflow where exp(-logit) would.
        return np.asarray(0.5 + 0.5 * np.tanh(0.5 * self.opacity_logits), dtype=np.float32)

    @property
    def scales(self) -> FloatArray:
        """(N, 3) standard deviations along the Gaussian's own axes, in the scene's units."""
        return np.exp(self.log_scales)


ARRAYS = ("means", "quaternions", "log_scales", "opacity_logits", "sh_dc", "sh_rest")
"""The fields with a row for each Gaussian, in their order."""

REST_COUNTS = [(degree + 1) ** 2 - 1 for degree in range(MAX_SH_DEGREE + 1)]
"""Coefficients beside the constant, of each degree."""
