"""The original trainer's options that change nothing here: accepted, explained, and named to those who give them.

(`position_lr_delay_mult` changes nothing in the original either: no option sets the number of steps that it would
delay.)
"""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import Annotated, Literal

from splatworker.stages.options import InJob, Option, Range
from splatworker.train.training_options import (
    LONGEST_PATH,
    MODEL,
    OPTIMISATION,
    PIPELINE,
    RATE,
    RUN,
    SWITCH,
)

WEIGHT = InJob(Range(at_least=0, at_most=100), clamped=True)


@dataclass
class UnusedOptions:
    """By the original's names and defaults. Without ranges on the command line: nobody reads their values."""

    _: KW_ONLY

    position_lr_delay_mult: Annotated[
        float,
        Option(
            "Without effect, as in the original, where no option sets the delay that it belongs to.",
            group=OPTIMISATION,
            job=RATE,
        ),
    ] = 0.01
    optimizer_type: Annotated[
        Literal["default", "sparse_adam"],
        Option("Which Adam. Of the original trainer only.", group=OPTIMISATION, job=InJob()),
    ] = "default"
    depth_l1_weight_init: Annotated[
        float,
        Option("The weight of `depths`, which jobs cannot give, at the start.", group=OPTIMISATION, job=WEIGHT),
    ] = 1.0
    depth_l1_weight_final: Annotated[
        float,
        Option("The same as `depth_l1_weight_init`, at the end.", group=OPTIMISATION, job=WEIGHT),
    ] = 0.01

    depths: Annotated[
        str,
        Option(
            "The scene's folder of depth maps. Of the original trainer only.",
            advice="The worker's business, as `images`.",
            group=MODEL,
            short="-d",
            job=InJob(longest=LONGEST_PATH, obeyed=False),
        ),
    ] = ""
    data_device: Annotated[
        Literal["cuda", "cpu"],
        Option("Where the original trainer keeps the photos.", group=MODEL, job=InJob()),
    ] = "cuda"

    convert_SHs_python: Annotated[  # noqa: N815 - the original's name
        bool,
        Option(
            "Work out colours in torch instead of a kernel. Of the original trainer only.", group=PIPELINE, job=SWITCH
        ),
    ] = False
    compute_cov3D_python: Annotated[  # noqa: N815
        bool,
        Option(
            "Work out covariances in torch instead of a kernel. Of the original trainer only.",
            group=PIPELINE,
            job=SWITCH,
        ),
    ] = False
    debug: Annotated[
        bool, Option("Check every kernel for errors. Of the original trainer only.", group=PIPELINE, job=SWITCH)
    ] = False

    disable_viewer: Annotated[
        bool, Option("Listen for no viewer: there is none.", group=RUN, job=InJob(default=True))
    ] = False
    ip: Annotated[str, Option("Where the original trainer listens for its viewer.", group=RUN)] = "127.0.0.1"
    port: Annotated[int, Option("The port that it listens on.", group=RUN)] = 6009
    debug_from: Annotated[int, Option("The step from which the original trainer debugs.", unit="steps", group=RUN)] = -1
    detect_anomaly: Annotated[bool, Option("Let torch look for the origin of a NaN.", group=RUN)] = False
