"""Grey of more than eight bits: read by the bits that are used."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from splatworker.formats import deep_grey

RAMP = np.linspace(0, 1, 60 * 80).reshape(60, 80)


@pytest.mark.parametrize(
    ("values", "mode"),
    [
        ((RAMP * 65535).astype(np.uint16), "I;16"),
        ((RAMP * 4095).astype(np.uint16), "I;16"),
        ((RAMP * 65535).astype(np.int32), "I"),
        (RAMP.astype(np.float32), "F"),
        ((RAMP * 255).astype(np.float32), "F"),
    ],
)
def test_it_is_read_by_the_bits_that_are_used(values: np.ndarray, mode: str) -> None:
    image = Image.fromarray(values)
    assert (image.mode, image.mode in deep_grey.MODES) == (mode, True)
    assert np.abs(np.asarray(deep_grey.in_eight_bits(image)) - 255 * RAMP).max() <= 1


@pytest.mark.parametrize(
    ("value", "said"), [(np.nan, "NaN or infinite"), (-1.0, "no shades of grey"), (1e6, "no shades of grey")]
)
def test_what_is_no_grey_is_told(value: float, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        deep_grey.in_eight_bits(Image.fromarray(np.full((4, 4), value, np.float32)))
