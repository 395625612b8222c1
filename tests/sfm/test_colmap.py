"""COLMAP is loaded in the order that is safe, and says errors alone."""

from __future__ import annotations

import subprocess
import sys

from splatworker.sfm.colmap import DEATHS, ERRORS, pycolmap, quiet


def test_what_is_logged_is_what_was_asked_for_last() -> None:
    assert pycolmap.logging.minloglevel == ERRORS
    try:
        quiet(DEATHS)
        pycolmap.logging.minloglevel = 0  # as some of COLMAP's calls do
        quiet()
        assert pycolmap.logging.minloglevel == DEATHS
    finally:
        quiet(ERRORS)


def test_pngs_can_be_read_and_written_after_it() -> None:
    """In a process of its own: a second zlib of the same names would abort it."""
    code = """
import io
import splatworker.sfm.colmap
from PIL import Image
file = io.BytesIO()
Image.new("RGB", (64, 64), "red").save(file, "PNG")
assert Image.open(file).convert("RGB").getpixel((1, 1)) == (255, 0, 0)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
