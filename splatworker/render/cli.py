"""`splatworker render`: draw a splat from the cameras of a scene, one PNG a photo."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from splatworker.errors import InvalidScene, from_os_error
from splatworker.formats.atomic import atomic_file
from splatworker.formats.filling import files_to_write
from splatworker.formats.find import find_splat_of_scene
from splatworker.formats.gaussians import Gaussians
from splatworker.formats.mask_names import AS_GIVEN, MaskRules
from splatworker.formats.scene import Photo, image_size, read_scene, split
from splatworker.render.arrays import to_device
from splatworker.render.backend import renderer_for
from splatworker.render.picture_names import picture_names
from splatworker.render.pictures import to_picture
from splatworker.render.tensors import for_renderer
from splatworker.splat_files.registry import left_out_in_words, read_whole
from splatworker.stages.command import run_as_command
from splatworker.stages.options import Range
from splatworker.stages.path_arguments import a_path
from splatworker.stages.printable import printable_lines
from splatworker.stages.progress import Reporter

RESOLUTIONS = Range(above=0, or_one_of=(-1,))
"""As the trainer's."""


def main(argv: list[str]) -> int:
    """Render; 0 for success, 1 for an error that was reported, 2 (by argparse) for a wrong command line."""
    parser = argparse.ArgumentParser(prog="splatworker render", description="Draw a splat from a scene's cameras.")
    add_arguments(parser, split_default="all")
    parser.add_argument("-o", "--output", type=a_path, required=True, metavar="DIR", help="the folder for the PNGs")
    arguments = parser.parse_args(argv)

    def work(report: Reporter) -> dict[str, Any]:
        result = render_photos(arguments, report)
        if not arguments.json:
            sys.stderr.write(printable_lines(f"{arguments.output}: {result['images']} pictures\n"))
        return result

    return run_as_command("render", work, as_json=arguments.json)


def add_arguments(parser: argparse.ArgumentParser, split_default: str) -> None:
    """What `render` and `eval` both ask: which splat, from which cameras, how large, on what."""
    parser.add_argument(
        "splat", type=a_path, metavar="SPLAT", help="a splat, or the folder of one: of run, a model, a SOG"
    )
    parser.add_argument("-s", "--source_path", type=a_path, required=True, metavar="SCENE", help="the scene folder")
    parser.add_argument("-i", "--images", default="images", help="the scene's folder of photos")
    parser.add_argument(
        "--split", choices=["train", "test", "all"], default=split_default, help="test: every 8th photo, held out"
    )
    parser.add_argument(
        "-r",
        "--resolution",
        type=_resolution,
        default=-1,
        help="1, 2, 4 or 8: divide the photos' size by it; else a width in pixels",
    )
    parser.add_argument("-w", "--white_background", action="store_true", help="over white, not black")
    parser.add_argument("--device", choices=["auto", "cpu", "cuda"], default="auto", help="what to draw on")
    parser.add_argument("--json", action="store_true", help="report as JSON lines on the standard output")


def _resolution(text: str) -> int:
    value = int(text)
    if value not in RESOLUTIONS:
        raise argparse.ArgumentTypeError(f"must be {RESOLUTIONS.words}")
    return value


def read_splat(path: Path, stage: str, report: Reporter) -> Gaussians:
    """The splat to draw; of Gaussians that are left out, because they are no numbers, `report` hears.

    Raises:
        InvalidScene, InvalidParam: as `read_whole`.
    """
    gaussians, left_out = read_whole(path, stage)
    if left_out:
        report.warning(left_out_in_words(left_out))
    return gaussians


def chosen_photos(
    arguments: argparse.Namespace, report: Reporter, masks: Path | None = None, rules: MaskRules = AS_GIVEN
) -> list[Photo]:
    """The photos of the scene that `--split` means; `report` hears what is to be said of the scene.

    Raises:
        InvalidScene: the scene is broken, or has none such.
    """
    scene = read_scene(arguments.source_path, arguments.images, masks, rules)
    for remark in scene.remarks:
        report.warning(remark)
    photos = scene.photos
    train, test = split(photos, hold_out=True)
    chosen = {"all": photos, "train": train, "test": test}[arguments.split]
    if not chosen:
        raise InvalidScene(f"The scene has no photos in its {arguments.split} split.")
    return chosen


def render_photos(arguments: argparse.Namespace, report: Reporter) -> dict[str, Any]:
    """Draw the chosen photos' views into `arguments.output`.

    Raises:
        InvalidScene: the splat or the scene is missing or broken.
        DiskFull, SplatError: a file cannot be written.
    """
    ply = find_splat_of_scene(arguments.splat)
    gaussians = read_splat(ply, "render", report)
    photos = chosen_photos(arguments, report)
    renderer = renderer_for(arguments.device)
    tensors = for_renderer(gaussians, renderer)
    background = to_device(np.full(3, float(arguments.white_background), np.float32), renderer.device)
    names = picture_names([photo.name for photo in photos])
    with files_to_write(arguments.output, names, "-o", "render"):
        for index, (photo, name) in enumerate(zip(photos, names, strict=True)):
            size = image_size(photo.camera, arguments.resolution)
            image = renderer.render(tensors, photo.camera.resized(*size), background, gaussians.sh_degree)
            write_png(arguments.output / name, to_picture(image), "render")
            report.progress("rendering", (index + 1) / len(photos))
    return {"ply": str(ply), "gaussians": len(gaussians), "images": len(photos), "output": str(arguments.output)}


def write_png(path: Path, pixels: npt.NDArray[np.uint8], stage: str) -> None:
    """Write (H, W, 3) pixels as a PNG, whole or not at all; errors as `atomic_file`."""
    try:
        with atomic_file(path, stage) as file:
            Image.fromarray(pixels).save(file, format="PNG")
    except OSError as error:
        raise from_os_error(error, stage) from error
