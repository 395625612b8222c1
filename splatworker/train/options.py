"""The command line of `splatworker train`: the original `train.py`'s names, short forms and defaults, and a few more.

No torch here: the worker process reads the defaults.
"""

from __future__ import annotations

import argparse
import secrets
from dataclasses import KW_ONLY, dataclass
from pathlib import Path
from typing import Annotated, Literal

from splatworker.stages.options import NATURAL, Option, add_option, add_options, declared, demand_valid
from splatworker.train.training_options import OURS, RUN, ScenePaths, TrainingOptions
from splatworker.train.unused_options import UNUSED, UnusedOptions


@dataclass
class Options(TrainingOptions, ScenePaths):
    """Everything a training run depends on: what jobs know, too, and what only a command line does.

    Raises:
        ValueError: a number is out of its range, or a choice is none.
    """

    _: KW_ONLY

    start_checkpoint: Annotated[Path | None, Option("Resume from this chkpnt file of this trainer.", group=RUN)] = None

    device: Annotated[Literal["auto", "cpu", "cuda"], Option("What to train on.", whose="ours", group=OURS)] = "auto"
    seed: Annotated[int, Option("Of every random number.", NATURAL, whose="ours", group=OURS)] = 0
    opacity_resets: Annotated[
        bool,
        Option(
            "The revised density control resets opacities every `opacity_reset_interval`, too.",
            whose="ours",
            group=OURS,
        ),
    ] = False
    json: Annotated[bool, Option("Report as JSON lines on the standard output.", whose="ours", group=OURS)] = False

    def __post_init__(self) -> None:
        demand_valid(self)


def parse(argv: list[str]) -> tuple[Options, list[str]]:
    """The options of a command line, and the names of given options that change nothing.

    Leaves through argparse's SystemExit with status 2 when the command line is wrong.
    """
    parser = build_parser()
    given = vars(parser.parse_args(argv))
    unused = [name for name in UNUSED if given.pop(name) not in (None, UNUSED[name])]
    unused = [name for name in unused if name != "disable_viewer"]  # there is none, so it is obeyed
    if given["model_path"] is None:
        given["model_path"] = Path("output") / secrets.token_hex(5)
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
    ignored = parser.add_argument_group("accepted, of the original trainer, without effect here")
    for known in declared(UnusedOptions):
        add_option(ignored, known)
    return parser
