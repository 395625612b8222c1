"""HDR to sRGB, against the standard and against the decoder's own library."""

from __future__ import annotations

import subprocess

import numpy as np
import pytest

from splatworker.video import ffmpeg, tone_mapping


@pytest.mark.parametrize(("transfer", "name"), [("hlg", "arib-std-b67"), ("pq", "smpte2084")])
def test_light_is_what_zimg_makes_of_it(transfer: str, name: str) -> None:
    """The decoder's own library of transfers, asked for linear light of the same white.

    Of greys: colours in HLG it makes brighter channel by channel, where the standard goes by their luminance.
    """
    colours = np.repeat(np.random.default_rng(0).integers(0, 65535, (64, 1), dtype=np.uint16), 3, axis=1)
    said = (
        "setparams=color_primaries=bt2020:color_trc={}:colorspace=gbr:range=pc,zscale=t=linear:npl=203,format=gbrpf32le"
    )
    done = subprocess.run(
        [
            *(
                ffmpeg.program(),
                "-loglevel",
                "error",
                "-f",
                "rawvideo",
                "-pix_fmt",
                "gbrp16le",
                "-s",
                "64x1",
                "-i",
                "-",
            ),
            *("-vf", said.format(name), "-f", "rawvideo", "-pix_fmt", "gbrpf32le", "-"),
        ],
        input=colours[:, [1, 2, 0]].T.astype("<u2").tobytes(),
        capture_output=True,
        check=True,
    )
    theirs = np.frombuffer(done.stdout, "<f4").reshape(3, 64).T[:, [2, 0, 1]]
    ours = tone_mapping.light_of(colours / 65535, transfer)
    assert ours == pytest.approx(theirs, rel=0.02, abs=0.002)


@pytest.mark.parametrize("transfer", ["hlg", "pq"])
def test_the_curve_leaves_what_is_dark_and_never_turns_back(transfer: str) -> None:
    greys = np.repeat(np.linspace(0, 1, 400)[:, None], 3, axis=1)
    shown = tone_mapping.to_srgb(greys, transfer)
    assert (np.diff(shown[:, 0]) >= -1e-9).all()
    assert np.ptp(shown, axis=1).max() < 0.01
    light = tone_mapping.light_of(greys, transfer)[:, 0]
    dark = light < 0.45
    linear = np.where(shown <= 0.04045, shown / 12.92, ((shown + 0.055) / 1.055) ** 2.4)
    assert linear[dark, 0] == pytest.approx(light[dark], abs=0.002)
    assert 0.85 < np.interp(1.0, light, shown[:, 0]) < 0.95
