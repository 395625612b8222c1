"""Pictures of a splat: as bytes, and as WebP."""

from __future__ import annotations

import dataclasses
import io
from pathlib import Path

import numpy as np
from PIL import Image

from splatworker.export.pictures import SplatRenderer, poster, webp, write_webp
from splatworker.export.subject import Subject
from splatworker.render.interface import Renderer


def test_each_splat_is_drawn_as_it_is_to_be_drawn(subject: Subject, renderer: Renderer) -> None:
    """Though two share a renderer, in turns."""
    small = dataclasses.replace(subject.gaussians, log_scales=subject.gaussians.log_scales - np.float32(3))
    camera, black = subject.trained[0].camera, (0.0, 0.0, 0.0)
    plain, filtered = (
        SplatRenderer(dataclasses.replace(small, antialiased=antialiased), renderer, black)
        for antialiased in (False, True)
    )
    for renderer.antialiasing in (False, True):
        for draw in (SplatRenderer.image, SplatRenderer.covered):
            bright, faint = (draw(one, camera).mean() for one in (plain, filtered))
            assert 0 < faint < 0.7 * bright
    renderer.antialiasing = False


def test_a_poster_is_what_is_drawn_but_smoother(subject: Subject, renderer: Renderer, tmp_path: Path) -> None:
    splat_renderer = SplatRenderer(subject.gaussians, renderer, (0.0, 0.0, 0.0))
    camera = subject.trained[0].camera
    drawn = splat_renderer.picture(camera)
    shrunk = poster(splat_renderer, camera)
    assert drawn.shape == (camera.height, camera.width, 3)
    assert shrunk.size == (camera.width, camera.height)
    assert np.abs(np.asarray(shrunk).astype(int) - drawn).mean() < 4
    write_webp(tmp_path / "a.webp", shrunk)
    with Image.open(tmp_path / "a.webp") as stored:
        assert (stored.format, stored.size) == ("WEBP", shrunk.size)
    assert Image.open(io.BytesIO(webp(shrunk, 50))).size == shrunk.size
