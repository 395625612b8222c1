"""For the tests of photos, which decode them in this very process."""

from __future__ import annotations

import pytest
from PIL import Image, ImageFile, PngImagePlugin


@pytest.fixture(autouse=True)
def pillow_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a decoder's process sets for itself ends with the test."""
    for module, name in (
        (Image, "MAX_IMAGE_PIXELS"),
        (ImageFile, "LOAD_TRUNCATED_IMAGES"),
        (PngImagePlugin, "MAX_TEXT_CHUNK"),
        (PngImagePlugin, "MAX_TEXT_MEMORY"),
    ):
        monkeypatch.setattr(module, name, getattr(module, name))
