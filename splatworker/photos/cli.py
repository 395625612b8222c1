"""`splatworker photos FOLDER -o IMAGES`: decode a folder of untrusted photos into clean copies."""

from __future__ import annotations

import argparse
import dataclasses
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from splatworker.errors import InvalidMasks, NoPhotos
from splatworker.formats import filling, folder_record, ownership
from splatworker.formats.mask_names import MaskRules, masks_folder
from splatworker.photos import decode, enough_photos, sandbox
from splatworker.stages import arrivals
from splatworker.stages.command import run_as_command
from splatworker.stages.mask_arguments import add_mask_arguments
from splatworker.stages.options import NATURAL, add_max_size, whole_number
from splatworker.stages.path_arguments import a_path
from splatworker.stages.printable import printable
from splatworker.stages.progress import Reporter
from splatworker.stages.workspace import private_workspace

_CLEAN = folder_record.Kind(lambda name: True, lambda folder: [])
"""A folder of clean photos: nothing else may be in it, as any name may be a photo's."""


def main(argv: list[str]) -> int:
    """Run the stage; the exit status."""
    parser = argparse.ArgumentParser(
        prog="splatworker photos",
        description="Decode a folder of photos from anywhere into clean JPEGs of their pixels and camera data.",
    )
    parser.add_argument("folder", type=a_path, metavar="PHOTOS", help="folder with photos")
    parser.add_argument(
        "-o", "--output", type=a_path, required=True, metavar="IMAGES", help="folder for the clean JPEGs"
    )
    add_max_size(parser)
    parser.add_argument(
        "--jobs",
        type=whole_number(NATURAL),
        metavar="N",
        default=min(8, os.cpu_count() or 1),
        help="photos decoded at once",
    )
    add_mask_arguments(parser)
    parser.add_argument("--follow", action="store_true", help="more photos arrive until standard input ends")
    parser.add_argument("--json", action="store_true", help="report as JSON lines")
    options = parser.parse_args(argv)

    def stage(report: Reporter) -> dict[str, object]:
        if not options.folder.is_dir() and not options.follow:
            raise NoPhotos(f"There is no folder '{options.folder}'.", hint="Give a folder with photos in it.")
        if options.masks is not None and not options.masks.is_dir() and not options.follow:
            raise InvalidMasks(
                f"There is no folder '{options.masks}' of masks.", hint="Give a folder with masks in it."
            )
        with _images_to_write(options) as images:
            sandbox.load_decoders()
            decoded = decode.decode_folder(
                options.folder,
                images,
                report,
                max_size=options.max_size,
                jobs=options.jobs,
                all_arrived=arrivals.EndOfInput() if options.follow else arrivals.at_once,
                masks=options.masks or masks_folder(options.folder),
                rules=MaskRules(options.mask_mode, options.invert_masks),
            )
            if not options.json:
                _tell(decoded, options.output)
            if not decoded.photos and not options.follow:  # whoever sends more photos judges what came of all of them
                enough_photos.demand_enough(0, decoded.rejected)
        return dataclasses.asdict(decoded)

    return run_as_command("photos", stage, as_json=options.json)


@contextmanager
def _images_to_write(options: argparse.Namespace) -> Iterator[Path]:
    """Where the clean photos go: at once into the folder of a caller that works on them already, else at the end."""
    folder: Path = options.output
    if options.follow:
        yield folder
        return
    ownership.demand_usable(folder, "-o", "photos")
    ownership.demand_apart(folder, options.folder, "-o", "photos")
    ownership.demand_free(folder, _CLEAN, "-o", "photos")
    with (
        filling.folder_to_fill(folder.absolute(), "photos"),
        private_workspace(folder.absolute(), in_output=True) as workspace,
    ):
        yield workspace / "images"
        filling.fill(folder, workspace / "images", _CLEAN, "photos")


def _tell(decoded: decode.Decoded, images: Path) -> None:
    """The outcome for a person."""
    for photo in decoded.rejected:
        sys.stdout.write(printable(f"{photo['name']}: {photo['reason']}") + "\n")
    given = len(decoded.photos) + len(decoded.rejected)
    sys.stdout.write(printable(f"{images}: {len(decoded.photos)} of {given} files are photos") + "\n")
