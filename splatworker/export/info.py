"""`splatworker info`: what a splat, a model folder or a scene folder holds, in numbers."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from splatworker.console import printable
from splatworker.formats.model import find_splat
from splatworker.formats.ply import read_ply
from splatworker.formats.scene import read_scene
from splatworker.progress import Reporter
from splatworker.stage import run_as_command

QUANTILES = (0.0, 0.05, 0.5, 0.95, 1.0)


def main(argv: list[str]) -> int:
    """Describe; 0 for success, 1 for an error that was told, 2 (by argparse) for a wrong command line."""
    parser = argparse.ArgumentParser(prog="splatworker info", description="What a splat or a scene holds.")
    parser.add_argument("path", type=Path, help="a PLY, a model folder, or a scene folder")
    parser.add_argument("--json", action="store_true", help="report as JSON lines on the standard output")
    arguments = parser.parse_args(argv)

    def work(report: Reporter) -> dict[str, Any]:
        result = describe(arguments.path)
        if not arguments.json:
            sys.stdout.write("".join(f"{name:>20}  {printable(_in_words(value))}\n" for name, value in result.items()))
        return result

    return run_as_command("info", work, as_json=arguments.json)


def describe(path: Path) -> dict[str, Any]:
    """The numbers of a PLY, of a model folder's latest splat, or of a scene folder.

    Raises:
        InvalidScene: it is none of these, or broken.
    """
    return describe_scene(path) if (path / "sparse").is_dir() else describe_splat(find_splat(path))


def describe_splat(ply: Path) -> dict[str, Any]:
    """Counts, sizes, the box that holds the middle 90 % of the centres, and quantiles of opacity and scale."""
    gaussians = read_ply(ply)
    numbers = [gaussians.means, gaussians.log_scales, gaussians.opacity_logits[:, None], gaussians.quaternions]
    finite = np.isfinite(np.concatenate([*numbers, gaussians.sh_dc], axis=1)).all(axis=1)
    result: dict[str, Any] = {
        "kind": "splat",
        "path": str(ply),
        "gaussians": len(gaussians),
        "not_finite": int((~finite).sum()),
        "sh_degree": gaussians.sh_degree,
        "file_bytes": ply.stat().st_size,
    }
    if finite.any():
        low, high = np.quantile(gaussians.means[finite], [0.05, 0.95], axis=0)
        result["center"] = _rounded(np.median(gaussians.means[finite], axis=0))
        result["extent_90"] = _rounded(high - low)
        result["opacity"] = _quantiles(gaussians.opacities[finite])
        result["largest_scale"] = _quantiles(gaussians.scales[finite].max(axis=1))
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
    }


def _quantiles(values: npt.NDArray[np.float32]) -> dict[str, float]:
    names = [f"{100 * quantile:.0f}%" for quantile in QUANTILES]
    return dict(zip(names, _rounded(np.quantile(values, QUANTILES)), strict=True))


def _rounded(values: npt.NDArray[np.floating[Any]]) -> list[float]:
    return [float(f"{value:.5g}") for value in values]


def _in_words(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value).strip('{}[]"').replace('"', "")
