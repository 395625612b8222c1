"""structlog, loaded without rich, a fifth of the time that the worker's process takes to load.

structlog looks for rich to draw tracebacks in colour with, and rich is there wherever the platform's SDK is; the worker
draws none.
"""

from __future__ import annotations

import sys

_IS_LOADED = "rich" in sys.modules

if not _IS_LOADED:
    sys.modules["rich"] = None  # type: ignore[assignment]  # so it is not found

import structlog  # noqa: E402

if not _IS_LOADED:
    del sys.modules["rich"]

__all__ = ["structlog"]
