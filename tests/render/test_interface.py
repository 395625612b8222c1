"""The constants of the method stand in interface.py and in the headers of both kernels: they are the same."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from splatworker.render import interface

KERNELS = Path(__file__).parents[2] / "kernels"

NAMES = {
    "NEAR_PLANE": "kNearPlane",
    "DILATION": "kDilation",
    "FRUSTUM_MARGIN": "kFrustumMargin",
    "ALPHA_MAX": "kAlphaMax",
    "ALPHA_MIN": "kAlphaMin",
    "TRANSMITTANCE_MIN": "kTransmittanceMin",
    "ADAM_BETA1": "kBeta1",
    "ADAM_BETA2": "kBeta2",
    "ADAM_EPSILON": "k(?:Adam)?Epsilon",
}


def values_of(name: str, kernels: str) -> list[np.float32]:
    """What a constant is set to in a folder of sources: a number, or one divided by another, in single precision."""
    number = r"([0-9.]+(?:e[+-]?\d+)?)f?"
    found = []
    for path in sorted((KERNELS / kernels).iterdir()):
        for match in re.finditer(rf"\b{name} = {number}(?: / {number})?[,;]", path.read_text(encoding="utf-8")):
            found.append(np.float32(match[1]) / np.float32(match[2] or 1))
    return found


@pytest.mark.parametrize("kernels", ["cpu", "cuda"])
@pytest.mark.parametrize("name", NAMES)
def test_a_constant_is_the_interfaces(name: str, kernels: str) -> None:
    values = values_of(NAMES[name], kernels)
    assert values == [np.float32(getattr(interface, name))], "once, and the same"


def test_no_constant_of_the_interface_is_forgotten() -> None:
    constants = {name for name, value in vars(interface).items() if name.isupper() and isinstance(value, float)}
    assert constants == NAMES.keys() | {"SH_C0"}


@pytest.mark.parametrize("kernels", ["cpu", "cuda"])
def test_the_constant_harmonic(kernels: str) -> None:
    sources = "".join(path.read_text(encoding="utf-8") for path in sorted((KERNELS / kernels).iterdir()))
    found = {np.float32(number) for number in re.findall(r"\b(0\.2820\d+)f?\b", sources)}
    assert found == {np.float32(interface.SH_C0)}
