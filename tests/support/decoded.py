"""A folder of photos through the decoders: its pixels, or why there are none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from splatworker.photos import decode
from splatworker.photos.decode import Decoded
from splatworker.stages.progress import Silent


def run(source: Path, **options: Any) -> Decoded:
    return decode.decode_folder(source, source.parent / "out", options.pop("report", Silent()), **options)


def decoded_pixels(source: Path, **options: Any) -> np.ndarray:
    decoded = run(source, **options)
    assert decoded.rejected == []
    (photo,) = decoded.photos
    with Image.open(source.parent / "out" / photo["name"]) as image:
        assert image.size == (photo["width"], photo["height"])
        return np.asarray(image).astype(int)


def reason(source: Path, **options: Any) -> str:
    decoded = run(source, **options)
    assert decoded.photos == []
    assert not list((source.parent / "out").iterdir())
    return str(decoded.rejected[0]["reason"])
