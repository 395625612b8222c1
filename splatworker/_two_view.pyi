"""The two-view kernel (kernels/two_view/bindings.cpp)."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

def verify(
    pairs: Sequence[tuple[Array, Array, Array, Array, npt.NDArray[np.uint32], bool, int, int]],
    seed: int,
    **rules: Any,
) -> list[dict[str, Any]]:
    """`rules` are the attributes of splatworker.sfm.two_view.Rules, all of them."""

def essentials(matches: Array) -> list[Array]: ...
def fundamentals(matches: Array) -> list[Array]: ...
def homographies(matches: Array) -> list[Array]: ...
def score(
    kind: str,
    model: Array,
    xy1: Array,
    scale1: Array,
    xy2: Array,
    scale2: Array,
    matches: npt.NDArray[np.uint32],
    max_error: float,
) -> tuple[float, int]: ...
def refine(
    kind: str,
    model: Array,
    xy1: Array,
    scale1: Array,
    xy2: Array,
    scale2: Array,
    matches: npt.NDArray[np.uint32],
    max_error: float,
    most_steps: int,
) -> tuple[Array, float, int]: ...
def philox(c0: int, c1: int, c2: int, c3: int, key0: int, key1: int) -> npt.NDArray[np.uint32]: ...
def instruction_set() -> str: ...
