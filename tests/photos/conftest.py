"""For the tests of photos, which decode them in this very process."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image, ImageFile, PngImagePlugin

from splatworker.photos import sandbox


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


@pytest.fixture(scope="module")
def decoders() -> None:
    """The libraries that a decoder has loaded before it is shut in, in this process."""
    sandbox.load_decoders()


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A folder for photos, empty."""
    folder = tmp_path / "in"
    folder.mkdir()
    return folder
