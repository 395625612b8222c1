"""What a smooth backdrop is, for tests of those that find one, train over it and deliver it."""

from __future__ import annotations

import numpy as np

HARMONICS = np.array(
    [[0.1, 0.4, 0.9], [0.05, 0, 0.1], [-0.1, 0.1, 0], [0.1, 0, -0.1], *np.full((5, 3), 0.04)], np.float32
)
"""Of a bluish wall, darker on one side; between 0 and 1 everywhere."""
