"""Photos before a network: how they are given to it, and what comes back; and that nothing needs it to be there."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from splatworker.errors import SegmentationMissing
from splatworker.export import segmentation, segmentation_weights

EXAMPLES = Path(__file__).parents[2] / "examples" / "photos"


def test_a_photo_as_the_network_wants_it() -> None:
    photo = np.full((40, 80, 3), (100, 200, 50), np.uint8)
    given = segmentation.as_input(photo)
    assert given.shape == (1, 3, 320, 320)
    assert given.dtype == np.float32
    bright = (np.array([0.5, 1.0, 0.25]) - segmentation.MEAN) / segmentation.DEVIATION  # its brightest value is 1
    assert given[0, :, 160, 160] == pytest.approx(bright, abs=1e-5)
    dark = segmentation.as_input(np.zeros((8, 8, 3), np.uint8))
    assert dark[0, :, 0, 0] == pytest.approx(-segmentation.MEAN / segmentation.DEVIATION, abs=1e-5)


def test_the_share_that_is_unsure() -> None:
    likely = np.array([[0.0, 0.05, 0.5, 0.95]], np.float32)
    assert segmentation.unsure_share(likely) == 0.25


@pytest.mark.parametrize("turn", range(4))
def test_a_photo_is_shown_upright_and_its_mask_lies_as_it_lies(turn: int) -> None:
    """The upper half of an upright photo is red; the network says what is red."""
    upright = np.zeros((60, 80, 3), np.uint8)
    upright[:30] = 255, 0, 0
    lying = np.ascontiguousarray(np.rot90(upright, -turn))
    shown = []

    def look(photo: np.ndarray) -> np.ndarray:
        shown.append(photo)
        return np.repeat(np.repeat(photo[:, :, 0].astype(np.float32) / 255, 2, axis=0), 2, axis=1)

    height, width = lying.shape[:2]
    masks, unsure = segmentation.masks_of([lambda: lying], [turn], [(width, height)], look)
    assert (shown[0] == upright).all()
    assert masks[0].shape == (height, width)
    assert ((masks[0] > 0.5) == (lying[:, :, 0] > 0)).all()
    assert unsure == [0.0]


def test_without_its_parts_it_says_what_is_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    monkeypatch.setattr(segmentation, "find_spec", lambda name: None)
    assert segmentation.why_missing() == "the library onnxruntime is not installed"
    monkeypatch.setattr(segmentation, "find_spec", lambda name: "there")
    assert "its weights are not there" in (segmentation.why_missing() or "")
    with pytest.raises(SegmentationMissing, match="There is no segmentation network: its weights"):
        segmentation.network()


@pytest.mark.skipif(segmentation.why_missing() is not None, reason="needs the extra `segmentation` and its weights")
def test_the_network_itself() -> None:
    """A ball before a wall is found; that of a wall alone it is sure of nothing is no use to say."""
    rows, columns = np.mgrid[:240, :320]
    photo = np.full((240, 320, 3), (150, 170, 190), np.uint8)
    ball = (rows - 120) ** 2 + (columns - 160) ** 2 < 60**2
    photo[ball] = 200, 60, 30
    likely = segmentation.network()(photo)
    assert likely.shape == (320, 320)
    mask = np.asarray(Image.fromarray(likely).resize((320, 240))) > 0.5
    assert (mask & ball).sum() > 0.9 * (mask | ball).sum()
    assert segmentation.unsure_share(likely) < 0.03


def test_weights_that_are_other_ones(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    path = segmentation_weights.place()
    with pytest.raises(SegmentationMissing, match="cannot be read"):
        segmentation_weights.read()
    path.parent.mkdir(parents=True)
    path.write_bytes(b"short")
    assert "are 5 bytes instead of 4574861" in (segmentation_weights.why_missing() or "")
    path.write_bytes(bytes(segmentation_weights.BYTES))
    assert segmentation_weights.why_missing() is None  # by its size
    with pytest.raises(SegmentationMissing, match="SHA-256"):
        segmentation_weights.read()
