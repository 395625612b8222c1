"""The page of a splat alone, of any format and maker: a first view is made up where no photo says one.

Which way is up, formats disagree about: SPZ means y up, the others y down as PlayCanvas's tools take them. A PLY is
taken as these, too, unless the scene of a run lies beside it, which says that y is up.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from splatworker.export.camera_path import Viewpoint
from splatworker.export.orient import HALF_TURN_ABOUT_Z, rotate
from splatworker.export.viewer import PageContents, write_viewer
from splatworker.formats.gaussians import Gaussians
from splatworker.formats.side_files import json_of
from splatworker.splat_files.compressed_ply import write_compressed_ply
from splatworker.splat_files.registry import format_in, read_whole

TAN_OF_HALF_VIEW = 0.5
FROM = np.array([0.5, 0.35, 1.0])
"""The direction from the middle to where the first view is taken from, y up: a little above, a little aside."""

SHARE_SHOWN = 0.9
"""Of the Gaussians, along each axis: the view is from so far that all of these are in it."""

_Y_UP_FRAMES = ("object.json", "frame.json", "scene/frame.json", "../scene/frame.json", "../../../scene/frame.json")
"""Where a PLY's scene may say which way is up: beside it, beside its model, above an iteration of the model."""


def write_page_of(source: Path, page: Path) -> int:
    """Write a page that shows the splat in a file, as `viewer.write_viewer`; how many Gaussians it shows.

    Raises:
        InvalidScene: the file is broken, or has no Gaussians.
        DiskFull, SplatError: as `atomic_file`.
    """
    gaussians, _ = read_whole(source, "view")
    if is_y_up(source):
        gaussians = rotate(gaussians, HALF_TURN_ABOUT_Z)
    stored = page.with_name("splat.compressed.ply")
    write_compressed_ply(stored, gaussians, "view")
    look, antialiased = first_look(gaussians), gaussians.antialiased
    write_viewer(page, PageContents(source.name, stored, look, antialiased=antialiased))
    return len(gaussians)


def is_y_up(source: Path) -> bool:
    """Whether the splat in a file stands with y up, rather than down."""
    kind = format_in(source)
    if kind != "ply":
        return kind == "spz"
    for name in _Y_UP_FRAMES:
        told = json_of(source.parent / name)
        if isinstance(told, dict) and "axes" in told:
            return str(told["axes"]).startswith("y up")
    return False


def first_look(gaussians: Gaussians) -> Viewpoint:
    """A view of what stands with y down, in the upright world of the viewer."""
    upright = gaussians.means.astype(np.float64) @ HALF_TURN_ABOUT_Z.T
    low, high = np.quantile(upright, [(1 - SHARE_SHOWN) / 2, (1 + SHARE_SHOWN) / 2], axis=0)
    middle = (low + high) / 2
    distance = float(np.linalg.norm(high - low)) / 2 / TAN_OF_HALF_VIEW or 1.0
    return Viewpoint(middle + distance * FROM / np.linalg.norm(FROM), middle, TAN_OF_HALF_VIEW, TAN_OF_HALF_VIEW)
