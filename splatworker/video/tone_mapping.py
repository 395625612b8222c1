"""Tone mapping, HDR to sRGB: one curve for a whole clip, adapted to no frame, so that frames agree in their colours.

A pixel's colour decides what it becomes, nothing else does: so the way there is computed here, for a grid of colours,
and written as a table (.cube) that the decoder looks pixels up in: signal -> light -> BT.709's primaries -> highlights
rolled off -> sRGB. Up to half of the light of a white sheet of paper (203 cd/m2, ITU-R BT.2408) nothing changes, as in
a photo without HDR; what is brighter, up to 1000 cd/m2, is rolled off into the rest.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

Colours = npt.NDArray[np.float64]

WHITE = 203.0
"""cd/m2 of paper white, ITU-R BT.2408: what 1.0 stands for."""

BRIGHTEST = 1000.0
"""cd/m2 that become white at most: the peak of HLG's nominal screen, and what most HDR10 is made for."""

_KNEE = 0.5

_GRID = 33
"""Colours a side of the table."""

_TO_709 = np.array(
    [[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]]
)  # fmt: skip
"""Linear BT.2020 to BT.709 (ITU-R BT.2087)."""

_LUMINANCE = np.array([0.2627, 0.6780, 0.0593])
"""Of BT.2020's primaries."""


def write_table(path: Path, transfer: str) -> None:
    """Write the table for a transfer, "hlg" or "pq", as a .cube file: red changes fastest."""
    axis = np.linspace(0.0, 1.0, _GRID)
    blue, green, red = np.meshgrid(axis, axis, axis, indexing="ij")
    colours = to_srgb(np.stack([red, green, blue], axis=-1).reshape(-1, 3), transfer)
    lines = (f"{r:.6f} {g:.6f} {b:.6f}\n" for r, g, b in colours)
    path.write_text(f"LUT_3D_SIZE {_GRID}\n{''.join(lines)}", encoding="ascii")


def to_srgb(signal: Colours, transfer: str) -> Colours:
    """What colours of BT.2020 become in sRGB.

    Args:
        signal: (N, 3) in [0, 1], as they are coded.
        transfer: "hlg" or "pq".

    Returns:
        (N, 3) in [0, 1].
    """
    light = light_of(signal, transfer) @ _TO_709.T
    light = _into_range(light)
    brightest = light.max(axis=1, keepdims=True)
    scaled = light * (_rolled_off(brightest) / np.maximum(brightest, 1e-9))
    return np.asarray(_srgb(np.clip(scaled, 0.0, 1.0)))


def light_of(signal: Colours, transfer: str) -> Colours:
    """Light of a screen that shows a coded colour, 1.0 for paper white; linear, of BT.2020's primaries."""
    return _hlg_light(signal) if transfer == "hlg" else _pq_light(signal)


def _hlg_light(signal: Colours) -> Colours:
    """ITU-R BT.2100, HLG: inverse OETF, then the OOTF of a screen of 1000 cd/m2 (gamma 1.2)."""
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    scene = np.where(signal <= 0.5, signal**2 / 3, (np.exp((signal - c) / a) + b) / 12)
    luminance = scene @ _LUMINANCE
    return np.asarray(scene * (np.maximum(luminance, 1e-12) ** 0.2)[:, None] * BRIGHTEST / WHITE)


def _pq_light(signal: Colours) -> Colours:
    """ITU-R BT.2100, PQ: the EOTF."""
    m1, m2, c1, c2, c3 = 2610 / 16384, 2523 / 32, 3424 / 4096, 2413 / 128, 2392 / 128
    power = np.clip(signal, 0.0, 1.0) ** (1 / m2)
    return np.asarray((np.maximum(power - c1, 0.0) / (c2 - c3 * power)) ** (1 / m1) * 10_000 / WHITE)


def _into_range(light: Colours) -> Colours:
    """Colours that BT.709 cannot show, with a primary below nothing: greyer, until it can, as bright as before."""
    grey = light @ np.array([0.2126, 0.7152, 0.0722])
    least = light.min(axis=1)
    share = np.where(least < 0, grey / np.maximum(grey - least, 1e-9), 1.0)[:, None]
    return np.asarray(grey[:, None] + np.clip(share, 0.0, 1.0) * (light - grey[:, None]))


def _rolled_off(light: Colours) -> Colours:
    """Unchanged up to the knee, then more and more slowly to 1 at the brightest: Reinhard et al. 2002, equation 4."""
    over = np.maximum(light - _KNEE, 0.0) / (1 - _KNEE)
    most = (BRIGHTEST / WHITE - _KNEE) / (1 - _KNEE)
    shoulder = _KNEE + (1 - _KNEE) * np.minimum(over * (1 + over / most**2) / (1 + over), 1.0)
    return np.where(light <= _KNEE, light, shoulder)


def _srgb(light: Colours) -> Colours:
    """IEC 61966-2-1."""
    return np.where(light <= 0.0031308, 12.92 * light, 1.055 * np.maximum(light, 0.0031308) ** (1 / 2.4) - 0.055)
