"""What these tests share."""

from __future__ import annotations

from support.platform_fixtures import platform, store, workspaces  # noqa: F401 - fixtures
