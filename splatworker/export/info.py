"""`splatworker info`: what a splat, a model folder or a scene folder holds, in numbers."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from splatworker.formats.find import find_splat, holds_scene
from splatworker.formats.scene import read_scene
from splatworker.formats.subset import finite
from splatworker.splat_files.registry import read_any, size_on_disk
from splatworker.stages.command import run_as_command
from splatworker.stages.path_arguments import a_path
from splatworker.stages.printable import printable
from splatworker.stages.progress import Reporter

QUANTILES = (0.0, 0.05, 0.5, 0.95, 1.0)


def main(argv: list[str]) -> int:
    """Describe; 0 for success, 1 for an error that was reported, 2 (by argparse) for a wrong command line."""
    parser = argparse.ArgumentParser(prog="splatworker info", description="What a splat or a scene holds.")
    parser.add_argument(
        "path", type=a_path, metavar="PATH", help="a splat, or a folder: of run, a model, a SOG, a scene"
    )
    parser.add_argument("--json", action="store_true", help="report as JSON lines on the standard output")
    arguments = parser.parse_args(argv)

    def work(report: Reporter) -> dict[str, Any]:
        result = describe(arguments.path)
        if not arguments.json:
            sys.stdout.write("".join(f"{name:>20}  {printable(_in_words(value))}\n" for name, value in result.items()))
        return result

    return run_as_command("info", work, as_json=arguments.json)


def describe(path: Path) -> dict[str, Any]:
    """The numbers of a splat, of the one in a folder, or of a scene folder.

    Raises:
        InvalidScene: it is none of these, or broken.
    """
    return describe_scene(path) if holds_scene(path) else describe_splat(find_splat(path))


def describe_splat(path: Path) -> dict[str, Any]:
    """Counts, sizes, the box that holds the middle 90 % of the centers, and quantiles of opacity and scale."""
    gaussians = read_any(path)
    whole = finite(gaussians)
    result: dict[str, Any] = {
        "kind": "splat",
        "path": str(path),
        "gaussians": len(gaussians),
        "not_finite": int((~whole).sum()),
        "sh_degree": gaussians.sh_degree,
        **({"antialiased": True} if gaussians.antialiased else {}),
        "file_bytes": size_on_disk(path),
    }
    if whole.any():
        low, high = np.quantile(gaussians.means[whole], [0.05, 0.95], axis=0)
        result["center"] = _rounded(np.median(gaussians.means[whole], axis=0))
        result["extent_90"] = _rounded(high - low)
        result["opacity"] = _quantiles(gaussians.opacities[whole])
        result["largest_scale"] = _quantiles(np.exp(gaussians.log_scales[whole].max(axis=1)))
    return result


def describe_scene(path: Path) -> dict[str, Any]:
    """Counts of photos, cameras and points, and the distances between cameras."""
    scene = read_scene(path)
    cameras = [photo.camera for photo in scene.photos]
    centers = np.stack([camera.center for camera in cameras])
    sizes = sorted({f"{camera.width}x{camera.height}" for camera in cameras})
    return {
        "kind": "scene",
        "path": str(path),
        "photos": len(scene.photos),
        "sizes": sizes,
        "focal_px": _rounded(np.array(sorted({camera.fx for camera in cameras}))),
        "points": len(scene.points.xyz),
        "photos_per_point": round(float(scene.points.track_lengths.mean()), 2) if len(scene.points.xyz) else 0.0,
        "camera_extent": _rounded(centers.max(axis=0) - centers.min(axis=0)),
        **({"remarks": list(scene.remarks)} if scene.remarks else {}),
    }


def _quantiles(values: npt.NDArray[np.float32]) -> dict[str, float]:
    names = [f"{100 * quantile:.0f}%" for quantile in QUANTILES]
    return dict(zip(names, _rounded(np.quantile(values, QUANTILES)), strict=True))


def _rounded(values: npt.NDArray[np.floating[Any]]) -> list[float]:
    return [float(f"{value:.5g}") for value in values]


def _in_words(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value).strip('{}[]"').replace('"', "")
