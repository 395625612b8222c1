"""The command line of `splatworker train`: the original `train.py`'s names, short forms and defaults, and a few more.

No torch here: the worker process reads the defaults.
"""

from __future__ import annotations

import argparse
import os
from dataclasses import KW_ONLY, dataclass
from pathlib import Path
from typing import Annotated

from splatworker.stages.options import Option, add_option, add_options, declared, demand_valid
from splatworker.train.own_options import OwnOptions, demand_one_background, demand_one_light
from splatworker.train.training_options import RUN, ScenePaths, TrainingOptions
from splatworker.train.unused_options import UnusedOptions

UNUSED = {known.name: known.default for known in declared(UnusedOptions)}
"""Options of the original that change nothing here, with their defaults."""

EXPOSURE_RATES = ("exposure_lr_init", "exposure_lr_final", "exposure_lr_delay_steps", "exposure_lr_delay_mult")
"""Options that say how exposures are learnt, where they are."""


@dataclass
class Options(OwnOptions, TrainingOptions, ScenePaths):
    """Everything a training run depends on.

    Raises:
        ValueError: a number is out of its range, or a choice is none.
    """

    _: KW_ONLY

    json: Annotated[bool, Option("Report as JSON lines on the standard output.", whose="ours", group=RUN)] = False

    def __post_init__(self) -> None:
        demand_valid(self)
        demand_one_background(self.backdrop, white=self.white_background, random=self.random_background)
        demand_one_light(self.light, exposures=self.train_test_exp)


def parse(argv: list[str]) -> tuple[Options, list[str]]:
    """The options of a command line, and the names of given options that change nothing.

    Leaves through argparse's SystemExit with status 2 when the command line is wrong.
    """
    parser = build_parser()
    given = vars(parser.parse_args(argv))
    unused = [name for name in UNUSED if given.pop(name) not in (None, UNUSED[name])]
    unused = [name for name in unused if name != "disable_viewer"]  # there is none, so it is obeyed
    if given["model_path"] is None:
        given["model_path"] = Path("output") / os.urandom(5).hex()
    try:
        options = Options(**given)
    except ValueError as error:
        parser.error(str(error))
    options.source_path = options.source_path.absolute()
    options.model_path = options.model_path.absolute()
    return options, unused


def build_parser() -> argparse.ArgumentParser:
    """The parser: every field of `Options` is an option of its name and default, and so are those without effect."""
    parser = argparse.ArgumentParser(
        prog="splatworker train",
        description="Train a Gaussian splat from a COLMAP scene folder. Takes the options of the original train.py.",
    )
    add_options(parser, Options)
    for name in ("mask_mode", "invert_masks"):  # as the other commands write them
        (known,) = (one for one in declared(Options) if one.name == name)
        add_option(parser, known, dashes=True, default=argparse.SUPPRESS, help=argparse.SUPPRESS)
    ignored = parser.add_argument_group("accepted, of the original trainer, without effect here")
    for known in declared(UnusedOptions):
        add_option(ignored, known)
    return parser
