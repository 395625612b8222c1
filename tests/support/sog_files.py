"""Small SOG files, any part of which can be another than it should be."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

from PIL import Image

BOOK = [0.0] * 256


def zip_of(members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip of names and their bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as bundle:
        for name, data in members.items():
            bundle.writestr(name, data)
    return buffer.getvalue()


def picture(mode: str = "RGB", size: tuple[int, int] = (4, 4), kind: str = "WEBP") -> bytes:
    """A black picture."""
    options = {"lossless": True, "quality": 0, "method": 0} if kind == "WEBP" else {}
    buffer = io.BytesIO()
    Image.new(mode, size).save(buffer, kind, **options)
    return buffer.getvalue()


def sog_meta(count: int = 9) -> dict[str, Any]:
    """What the meta.json of so many Gaussians of degree 0 says."""
    return {
        "version": 2,
        "count": count,
        "means": {"mins": [0, 0, 0], "maxs": [1, 1, 1], "files": ["means_l.webp", "means_u.webp"]},
        "scales": {"codebook": BOOK, "files": ["scales.webp"]},
        "quats": {"files": ["quats.webp"]},
        "sh0": {"codebook": BOOK, "files": ["sh0.webp"]},
    }


def sog_members(count: int = 9, **changes: Any) -> dict[str, bytes]:
    """The members of a small SOG; `changes` to its meta, or to members by name, with __ for a point."""
    members = {f"{name}.webp": picture() for name in ("means_l", "means_u", "scales")}
    members |= {f"{name}.webp": picture("RGBA") for name in ("quats", "sh0")}
    members["meta.json"] = json.dumps(sog_meta(count) | changes.pop("meta", {})).encode()
    return members | {name.replace("__", "."): data for name, data in changes.items()}
