"""pycolmap, imported in the one order that is safe.

The Linux wheels of pycolmap export the zlib they were built with. Whatever binds to that copy (zlib of Python,
Pillow's PNG codec) aborts later, so both are loaded first and keep their own. torch must not be loaded before it
in the same process at all: the reconstruction runs as a child process.
"""

from __future__ import annotations

import zlib  # noqa: F401  (see above)

import PIL._imaging  # noqa: F401  (see above)
import pycolmap

__all__ = ["DEATHS", "ERRORS", "pycolmap", "quiet"]

ERRORS, DEATHS = 2, 3
"""How grave what is logged must be at least: an error, or what COLMAP dies of."""

_least = ERRORS


def quiet(least: int | None = None) -> None:
    """Log errors only, or what `least` says from now on: all else is said by this package in better words.

    Errors are for whoever reads the log of a stage that crashed; people at a terminal get this package's own.
    """
    global _least  # noqa: PLW0603 - COLMAP's log is as global as this, and some of its calls turn it on again
    _least = _least if least is None else least
    pycolmap.logging.minloglevel = _least


quiet()
