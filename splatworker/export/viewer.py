"""The page that shows a splat: the viewer, the splat and the first view in one file that needs no network.

`viewer_page.html` is built by viewer/build.mjs from PlayCanvas's supersplat-viewer (MIT); here its gaps are filled.
"""

from __future__ import annotations

import base64
import html
import json
import re
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from splatworker.export.camera_path import Viewpoint
from splatworker.formats.atomic import atomic_file

LARGEST_PAGE = 32 * 2**20
"""Bytes; browsers grow slow on pages larger than this, and mail servers refuse them long before."""


@dataclass(frozen=True)
class PageContents:
    """What a page shows.

    Attributes:
        splat: a SOG or compressed PLY file, turned as PlayCanvas's tools expect (`orient.HALF_TURN_ABOUT_Z`).
        viewpoint: the first view, upright.
        background: red, green, blue in [0, 1].
        poster: a WebP to show while the page loads, or None.
        antialiased: the splat is to be drawn with antialiasing.
    """

    title: str
    splat: Path
    viewpoint: Viewpoint
    background: tuple[float, float, float] = (0.0, 0.0, 0.0)
    poster: bytes | None = None
    antialiased: bool = False


def write_viewer(path: Path, scene: PageContents) -> bool:
    """Write the page.

    Returns:
        Whether the splat is in the page. It is not where the page would be larger than `LARGEST_PAGE`: the page then
        loads it from beside itself, and both need a web server.

    Raises:
        DiskFull, SplatError: as `atomic_file`.
    """
    data = scene.splat.read_bytes()
    alone = len(data) * 4 / 3 < LARGEST_PAGE - 3 * 2**20
    described = {
        "filename": scene.splat.name,
        "background": scene.background,
        "poster": scene.poster and _data_uri(scene.poster, "image/webp"),
        **({"antialiased": True} if scene.antialiased else {}),
        "view": {
            "position": scene.viewpoint.position.tolist(),
            "target": scene.viewpoint.target.tolist(),
            "tanX": scene.viewpoint.tan_x,
            "tanY": scene.viewpoint.tan_y,
            **({"whole": True} if scene.viewpoint.whole else {}),
        },
    }
    red, green, blue = (round(255 * part) for part in scene.background)
    gaps = {
        "title": html.escape(scene.title),
        "background": f"rgb({red} {green} {blue})",
        "scene": json.dumps(described).replace("<", "\\u003c"),
        "splat": _data_uri(data, "application/octet-stream") if alone else scene.splat.name,
    }
    template = (files("splatworker.export") / "viewer_page.html").read_text(encoding="utf-8")
    # In one pass: nothing that is filled in can open a gap of its own.
    page = re.sub(r"\{\{(title|background|scene|splat)\}\}", lambda gap: gaps[gap[1]], template)
    with atomic_file(path, "export") as file:
        file.write(page.encode())
    return alone


def _data_uri(data: bytes, content_type: str) -> str:
    return f"data:{content_type};base64,{base64.b64encode(data).decode()}"
