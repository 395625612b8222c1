"""What tests of files that are not ours begin with."""

from __future__ import annotations

from support.others_files import out, photos, toy  # noqa: F401 - fixtures
