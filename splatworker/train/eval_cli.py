"""`splatworker eval`: how well a splat, of whatever trainer, shows a scene's photos."""

from __future__ import annotations

import argparse
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np

from splatworker.formats.filling import files_to_write
from splatworker.formats.find import find_splat_of_scene
from splatworker.formats.mask_names import MaskRules
from splatworker.formats.side_files import text_of
from splatworker.render.arrays import Array, to_device, to_numpy
from splatworker.render.backend import renderer_for
from splatworker.render.cli import add_arguments, chosen_photos, read_splat, write_png
from splatworker.render.interface import View
from splatworker.render.picture_names import picture_names
from splatworker.render.pictures import to_picture
from splatworker.render.tensors import for_renderer
from splatworker.stages.command import run_as_command
from splatworker.stages.mask_arguments import add_mask_arguments
from splatworker.stages.path_arguments import a_path
from splatworker.stages.printable import printable_lines
from splatworker.stages.progress import Reporter
from splatworker.train.evaluate import right_half, score_views, summary
from splatworker.train.options import Options
from splatworker.train.photos import load_views

LOADING_SHARE = 0.5


def main(argv: list[str]) -> int:
    """Evaluate; 0 for success, 1 for an error that was reported, 2 (by argparse) for a wrong command line."""
    parser = argparse.ArgumentParser(
        prog="splatworker eval", description="PSNR and SSIM of a splat on a scene's photos (by default the held-out)."
    )
    add_arguments(parser, split_default="test")
    add_mask_arguments(parser)
    parser.add_argument(
        "-o", "--output", type=a_path, metavar="DIR", help="a folder for PNGs: the photo left, the splat right"
    )
    arguments = parser.parse_args(argv)

    def work(report: Reporter) -> dict[str, Any]:
        result = evaluate(arguments, report)
        if not arguments.json:
            sys.stdout.write(printable_lines(_in_words(result)))
        return result

    return run_as_command("eval", work, as_json=arguments.json)


def evaluate(arguments: argparse.Namespace, report: Reporter) -> dict[str, Any]:
    """Score the splat on the chosen photos: the means, and each photo's PSNR and SSIM.

    Raises:
        InvalidScene: the splat or the scene is missing or broken.
        DiskFull, SplatError: a picture cannot be written.
    """
    ply = find_splat_of_scene(arguments.splat)
    gaussians = read_splat(ply, "eval", report)
    if arguments.split == "test" and _trained_on_all(ply):
        report.warning(
            "This splat was trained without --eval, on all photos: they are scored better than others would be."
        )
    exposed = _learnt_exposures(ply)
    if exposed:
        report.warning(
            "This splat was trained with exposures: each photo's is fitted on its left half, and its right half scored."
        )
    photos = chosen_photos(arguments, report, arguments.masks, MaskRules(arguments.mask_mode, arguments.invert_masks))
    renderer = renderer_for(arguments.device)
    options = Options(
        source_path=arguments.source_path,
        model_path=ply.parent,
        resolution=arguments.resolution,
        white_background=arguments.white_background,
    )

    def loaded(count: int) -> None:
        report.progress("loading photos", LOADING_SHARE * count / len(photos))

    seen = 0
    names = picture_names([photo.name for photo in photos])

    def see(name: str, view: View, image: Array) -> None:
        nonlocal seen
        if arguments.output is not None:
            photo = to_numpy(view.photo).transpose(1, 2, 0)
            pair = np.concatenate([photo, to_picture(image)], axis=1)
            write_png(arguments.output / names[seen], pair, "eval")
        seen += 1
        report.progress("scoring", LOADING_SHARE + (1 - LOADING_SHARE) * seen / len(photos))

    with files_to_write(arguments.output, names, "-o", "eval") if arguments.output else nullcontext():
        scores = score_views(
            renderer,
            for_renderer(gaussians, renderer),
            [photo.name for photo in photos],
            load_views(photos, options, renderer.device, loaded),
            to_device(np.full(3, float(arguments.white_background), np.float32), renderer.device),
            gaussians.sh_degree,
            see,
            right_half if exposed else None,
        )
    return {"ply": str(ply), "gaussians": len(gaussians), "split": arguments.split, **summary(scores)}


def _trained_on_all(ply: Path) -> bool:
    """Whether its model folder says that no photos were held out; a splat by itself does not say."""
    return "eval=False" in _said_of(ply)


def _learnt_exposures(ply: Path) -> bool:
    """Whether its model folder says that the photos' exposures were learnt beside the splat."""
    return "train_test_exp=True" in _said_of(ply)


def _said_of(ply: Path) -> str:
    """What the model folder of a splat says of its training; nothing where it lies in none."""
    model = ply.parent.parent.parent
    return text_of(model / "cfg_args") if ply.parent.name.startswith("iteration_") else ""


def _in_words(result: dict[str, Any]) -> str:
    lines = [f"{score['psnr']:7.2f} dB  SSIM {score['ssim']:.4f}  {score['name']}" for score in result["photos"]]
    lines.append(
        f"{result['psnr']:7.2f} dB  SSIM {result['ssim']:.4f}  mean of {len(result['photos'])} photos, "
        f"{result['gaussians']} Gaussians"
    )
    return "\n".join(lines) + "\n"
