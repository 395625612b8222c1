"""The arguments that say which masks photos have and how they are meant: the same for every command of photos."""

from __future__ import annotations

import argparse

from splatworker.formats.mask_names import MODES
from splatworker.stages.path_arguments import a_path


def add_mask_arguments(parser: argparse._ActionsContainer) -> None:
    """Add `--masks`, `--mask-mode` and `--invert-masks` to a command line."""
    parser.add_argument(
        "--masks", type=a_path, metavar="DIR",
        help="folder of masks, white where a photo counts; by default masks/ in the photos' folder, or beside images/",
    )  # fmt: skip
    parser.add_argument(
        "--mask-mode", choices=MODES, default="auto",
        help="what masked pixels are: ignore, nobody knows what is there; cutout, nothing is there; by default the "
        "first of mask files, the second of the photos' own alpha",
    )  # fmt: skip
    parser.add_argument("--invert-masks", action="store_true", help="in mask files black is what counts")
