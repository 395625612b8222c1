"""What these tests share."""

from __future__ import annotations

from support.splats import node, splat, splat_transform  # noqa: F401 - fixtures
