"""pycolmap, imported in the one order that is safe.

The Linux wheels of pycolmap export the zlib they were built with. Whatever binds to that copy (zlib of Python,
Pillow's PNG codec) aborts later, so both are loaded first and keep their own. torch must not be loaded before it
in the same process at all: the reconstruction runs as a child process.
"""

from __future__ import annotations

import zlib  # noqa: F401  (see above)

import PIL._imaging  # noqa: F401  (see above)
import pycolmap

__all__ = ["pycolmap", "quiet"]

_FATAL = 3


def quiet() -> None:
    """Log what COLMAP dies of, and nothing else: all other is said by this package in better words.

    Bundle adjustment turns the log on again, through COLMAP's own settings of it.
    """
    pycolmap.logging.minloglevel = _FATAL


quiet()
