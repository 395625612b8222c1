"""For the tests of handler.py: photos."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.jobs import write_photos


@pytest.fixture
def photos(tmp_path: Path) -> list[Path]:
    return write_photos(tmp_path / "photos")
