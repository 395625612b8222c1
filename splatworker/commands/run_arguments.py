"""The words of `splatworker run`: what they are, and the recipe of a job that they ask for."""

from __future__ import annotations

import argparse
import json
import re
from typing import Any

from splatworker.contract.job import Recipe, recipe
from splatworker.contract.outputs import BY_DEFAULT, OUTPUTS, names
from splatworker.contract.params import Params
from splatworker.errors import InvalidJob, InvalidParam
from splatworker.sfm.options import SfmOptions
from splatworker.stages.mask_arguments import add_mask_arguments
from splatworker.stages.options import add_option, declared
from splatworker.stages.path_arguments import a_path
from splatworker.video.options import VideoOptions

SFM_OPTIONS = ("engine", "matcher", "camera_model", "min_registered", "min_share", "keep_frame")
"""Options that go on to the cameras, by their names in a job."""

VIDEO_OPTIONS = ("frames", "fps", "start", "end")
"""Likewise to the choice of frames."""


def parser() -> argparse.ArgumentParser:
    """What the command understands."""
    made = argparse.ArgumentParser(
        prog="splatworker run",
        description="Make a Gaussian splat of a folder of photos, or of a video.",
        epilog="Without an NVIDIA GPU a preview is trained: smaller photos, fewer iterations.",
    )
    made.add_argument(
        "photos",
        type=a_path,
        metavar="PHOTOS",
        help="folder with five or more photos of one subject, or with videos of it; or one video",
    )
    made.add_argument("-o", "--output", type=a_path, required=True, metavar="OUT", help="folder for the splat")
    made.add_argument(
        "-p",
        "--param",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a training parameter, such as iterations=30000 (docs/parameters.md); may be repeated",
    )
    add_mask_arguments(made)
    made.add_argument("--eval", action="store_true", help="hold out every 8th photo and score the splat on them")
    made.add_argument("--trainer", choices=["native", "inria"], default="native", help="which trainer to use")
    made.add_argument(
        "--subject", choices=["scene", "object"], default="scene",
        help="object: only the one thing that all photos show, without what it stands on and what is around it",
    )  # fmt: skip
    made.add_argument(
        "--segmentation", action="store_true",
        help="with --subject object: ask a segmentation network, too, where it is installed (splatworker weights)",
    )  # fmt: skip
    for known in declared(SfmOptions):
        if known.name in SFM_OPTIONS:
            add_option(made, known, dashes=True, as_in_job=True, default=None)  # not given: a job's default
    for known in declared(VideoOptions):
        if known.name in VIDEO_OPTIONS:
            add_option(made, known, dashes=True, as_in_job=True, default=None)
    outputs = made.add_mutually_exclusive_group()
    outputs.add_argument(
        "--formats", type=names, default=list(BY_DEFAULT), metavar="NAME,...",
        help=f"what to make of the splat, of {', '.join(OUTPUTS)}; by default all but cleaned_ply",
    )  # fmt: skip
    outputs.add_argument(
        "--ply-only", dest="formats", action="store_const", const=[], help="make nothing but the PLY of the splat"
    )
    made.add_argument("--no-clean", action="store_true", help="also keep Gaussians not supported by any training photo")
    made.add_argument(
        "--overwrite",
        action="store_true",
        help="work in an OUT whose scene/ or model/ holds other things, too: only what splatworker made is replaced",
    )
    made.add_argument("--json", action="store_true", help="report as JSON lines on standard output")
    return made


def recipe_of(options: argparse.Namespace) -> Recipe:
    """The recipe that the options ask for.

    Raises:
        InvalidJob: a param, or an option of a stage, is none or has a value that it cannot have.
    """
    params: dict[str, Any] = {"eval": True} if options.eval else {}
    for assignment in options.param:
        name, equals, text = assignment.partition("=")
        if not equals:
            raise InvalidParam(
                f"'{assignment}' is not a parameter: expected NAME=VALUE.", hint="For example -p iterations=3000."
            )
        params[name] = _value(name, text)
    sfm = {name: value for name in SFM_OPTIONS if (value := getattr(options, name)) is not None}
    video = {name: value for name in VIDEO_OPTIONS if (value := getattr(options, name)) is not None}
    masks = {"mask_mode": options.mask_mode, "invert_masks": options.invert_masks}
    recipe_asked = {
        "params": params,
        "sfm": sfm,
        "video": video,
        "trainer": options.trainer,
        "subject": options.subject,
        "segmentation": options.segmentation,
    }
    try:
        return recipe(recipe_asked | masks)
    except InvalidJob as error:
        raise InvalidJob(_by_options(error.message), hint=error.hint) from None


def _by_options(said: str) -> str:
    """A sentence about a job's field, about the option that it came from."""
    option = re.match(r"The field '(?:sfm|video)\.(\w+)'", said)
    return f"The option --{option[1].replace('_', '-')}{said[option.end() :]}" if option else said


def _value(name: str, text: str) -> object:
    """A param's value from the command line: JSON, lists also as 1,2,3, and names without quotes."""
    field = Params.model_fields.get(name)
    if field is not None and "list" in str(field.annotation) and not text.startswith("["):
        text = f"[{text}]"
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text
