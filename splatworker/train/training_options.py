"""The original trainer's options that ours obeys, each said once: name, type, default, range, unit, what it does.

The names and defaults are those of the original trainer's command line. What a job may say of an option stands beside
it (`InJob`), since most of it follows from what the option is. `train --help`, the checks of the command line and of
jobs, docs/job.schema.json and the tables of docs/parameters.md are made from here, from `own_options`, and from
`unused_options` for what is without effect (`stages.options`).

No torch here: the worker process reads this.
"""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass, field
from pathlib import Path
from typing import Annotated

from splatworker.stages.options import ANY, COUNT, NATURAL, SHARE, InJob, Option, Range

OPTIMISATION, MODEL, PIPELINE, RUN = "Optimisation", "Model", "Pipeline", "Run"
"""Headings."""

MOST_ITERATIONS = 200_000
"""Of a job: more than anybody could pay for."""

MOST_SH_DEGREE = 3

LONGEST_PATH = 1024

POSITIVE = Range(above=0)
FRACTION = Range(above=0, at_most=1)
ITERATION = Range(at_least=1, at_most=MOST_ITERATIONS)
ITERATION_OR_NONE = Range(at_least=0, at_most=MOST_ITERATIONS)

RATE, POSITIVE_RATE = InJob(SHARE, clamped=True), InJob(FRACTION, clamped=True)
MOMENT = InJob(ITERATION, clamped=True)
MOMENT_OR_NONE = InJob(ITERATION_OR_NONE, clamped=True)
MOMENTS = InJob(ITERATION, default=[], longest=100)
SWITCH = InJob()


@dataclass
class TrainingOptions:
    """By the original's names and defaults. `train.options.Options` checks the ranges."""

    _: KW_ONLY

    iterations: Annotated[
        int,
        Option(
            "Steps of training.",
            COUNT,
            advice="More sharpen a scene with 100 photos and more; with few photos the score on photos it has not seen "
            "falls after some 7000. On a GPU 5000 scored as well as 7000 on three scenes of 15 to 43 photos, in two "
            "thirds of the time (docs/benchmarks-gpu.md).",
            unit="steps",
            group=OPTIMISATION,
            job=InJob(ITERATION, default=7000),
        ),
    ] = 30_000
    position_lr_init: Annotated[
        float,
        Option(
            "How far Gaussians move in a step, at the start; times the scene's extent.",
            POSITIVE,
            unit="scene extents",
            group=OPTIMISATION,
            job=POSITIVE_RATE,
        ),
    ] = 0.00016
    position_lr_final: Annotated[
        float,
        Option(
            "The same as `position_lr_init`, at the end.",
            POSITIVE,
            unit="scene extents",
            group=OPTIMISATION,
            job=POSITIVE_RATE,
        ),
    ] = 0.0000016
    position_lr_max_steps: Annotated[
        int,
        Option(
            "The step at which `position_lr_final` is reached.",
            COUNT,
            advice="Not given, or a default or a preset's, it follows `iterations`.",
            unit="steps",
            group=OPTIMISATION,
            job=MOMENT,
        ),
    ] = 30_000
    feature_lr: Annotated[
        float,
        Option(
            "How fast colours learn; their dependence on direction learns at a twentieth of it.",
            NATURAL,
            group=OPTIMISATION,
            job=RATE,
        ),
    ] = 0.0025
    opacity_lr: Annotated[
        float,
        Option(
            "How fast opacities learn.",
            NATURAL,
            group=OPTIMISATION,
            job=InJob(SHARE, default=0.05, clamped=True),
        ),
    ] = 0.025
    scaling_lr: Annotated[float, Option("How fast sizes learn.", NATURAL, group=OPTIMISATION, job=RATE)] = 0.005
    rotation_lr: Annotated[float, Option("How fast rotations learn.", NATURAL, group=OPTIMISATION, job=RATE)] = 0.001
    percent_dense: Annotated[
        float,
        Option(
            "Gaussians larger than this share of the scene are split, smaller ones cloned.",
            NATURAL,
            unit="scene extents",
            group=OPTIMISATION,
            job=POSITIVE_RATE,
        ),
    ] = 0.01
    lambda_dssim: Annotated[
        float,
        Option(
            "The share of structural similarity in the loss; the rest is the mean absolute difference. Not given, or "
            'the default, 0.3 beside teachers: see "Coarse to fine".',
            SHARE,
            group=OPTIMISATION,
            job=RATE,
        ),
    ] = 0.2
    densification_interval: Annotated[
        int,
        Option(
            "Steps between two rounds of cloning, splitting and pruning.",
            COUNT,
            unit="steps",
            group=OPTIMISATION,
            job=MOMENT,
        ),
    ] = 100
    opacity_reset_interval: Annotated[
        int,
        Option(
            "Steps between two resets of all opacities to almost nothing, with the original's density control, which "
            "also removes large Gaussians from then on.",
            COUNT,
            advice="Ours resets nothing, unless another number than 3000 is given.",
            unit="steps",
            group=OPTIMISATION,
            job=MOMENT,
        ),
    ] = 3000
    densify_from_iter: Annotated[
        int,
        Option(
            "The step after which Gaussians are added.",
            unit="steps",
            group=OPTIMISATION,
            job=MOMENT_OR_NONE,
        ),
    ] = 500
    densify_until_iter: Annotated[
        int,
        Option(
            "The step after which no Gaussians are added.",
            advice="Not given, or a default or a preset's, it is two thirds of `iterations` (see "
            '"Coarse to fine"), half of them with the original\'s schedule, and 15000 at most.',
            unit="steps",
            group=OPTIMISATION,
            job=MOMENT_OR_NONE,
        ),
    ] = 15_000
    densify_grad_threshold: Annotated[
        float,
        Option(
            "Gaussians whose place in the picture wants to move by more are cloned or split.",
            NATURAL,
            advice="Half of it gives about twice as many.",
            unit="loss per half picture",
            group=OPTIMISATION,
            job=POSITIVE_RATE,
        ),
    ] = 0.0002
    exposure_lr_init: Annotated[
        float,
        Option(
            "How fast the photos' exposures learn, at the start, with `train_test_exp`.",
            POSITIVE,
            group=OPTIMISATION,
            job=POSITIVE_RATE,
        ),
    ] = 0.01
    exposure_lr_final: Annotated[
        float,
        Option(
            "The same as `exposure_lr_init`, at the end.",
            POSITIVE,
            group=OPTIMISATION,
            job=POSITIVE_RATE,
        ),
    ] = 0.001
    exposure_lr_delay_steps: Annotated[
        int,
        Option(
            "For so many steps exposures learn more slowly, from `exposure_lr_delay_mult` of their rate to all of it.",
            NATURAL,
            unit="steps",
            group=OPTIMISATION,
            job=MOMENT_OR_NONE,
        ),
    ] = 0
    exposure_lr_delay_mult: Annotated[
        float,
        Option(
            "The share of their rate that exposures begin with, where `exposure_lr_delay_steps` says for how long.",
            SHARE,
            group=OPTIMISATION,
            job=RATE,
        ),
    ] = 0.0
    random_background: Annotated[
        bool,
        Option(
            "A new background colour in every step: for photos with transparent parts.", group=OPTIMISATION, job=SWITCH
        ),
    ] = False

    sh_degree: Annotated[
        int,
        Option(
            "How finely colours depend on the direction: the degree of their spherical harmonics.",
            Range(at_least=0, at_most=MOST_SH_DEGREE),
            advice="0 makes files a quarter the size, and gloss dull.",
            unit="degrees",
            group=MODEL,
            job=InJob(clamped=True),
        ),
    ] = 3
    resolution: Annotated[
        int,
        Option(
            "-1: photos wider than 1600 pixels are shrunk to that. 1, 2, 4, 8: divide by. Else: a width in pixels.",
            Range(above=0, or_one_of=(-1,)),
            unit="divisor or pixels",
            group=MODEL,
            short="-r",
            job=InJob(Range(at_least=32, at_most=8192, or_one_of=(-1, 1, 2, 4, 8))),
        ),
    ] = -1
    white_background: Annotated[
        bool, Option("Behind the scene is white instead of black.", group=MODEL, short="-w", job=SWITCH)
    ] = False
    eval: Annotated[
        bool,
        Option(
            "Hold out every 8th photo, and score the splat on them: PSNR and SSIM.",
            advice="In the result they are `quality.psnr` and `quality.ssim`.",
            group=MODEL,
            job=SWITCH,
        ),
    ] = False
    train_test_exp: Annotated[
        bool,
        Option(
            "Learn the exposure of each photo beside the splat: a matrix and an offset of its colours, on average over "
            "the photos none. With `eval` those of held-out photos are fitted on their left half, and the right half "
            "is scored.",
            advice="For photos whose light differs without rule (docs/quality.md). It takes the place of `light`, of "
            "which `common` is refused beside it; without effect on several GPUs, and on photos that are transparent.",
            group=MODEL,
            job=SWITCH,
        ),
    ] = False
    images: Annotated[
        str,
        Option(
            "The scene's folder of photos.",
            ANY,
            advice="The worker's business: taken, for callers that send it, and not obeyed.",
            group=MODEL,
            short="-i",
            job=InJob(longest=LONGEST_PATH, obeyed=False),
        ),
    ] = "images"

    antialiasing: Annotated[
        bool,
        Option(
            "What is smaller than a pixel is drawn as much fainter as it is drawn larger: from farther away than the "
            "photos were taken it looks as it should, where it grew thick and bright.",
            advice="The splat's files say so to viewers, as far as their format can; a viewer that does not listen "
            "shows small things thick. See docs/formats.md.",
            group=PIPELINE,
            job=SWITCH,
        ),
    ] = False

    save_iterations: Annotated[
        list[int],
        Option(
            "Steps after which the splat is saved as well as at the end.",
            advice="By `splatworker run` and the original trainer; a job delivers the last one, so that ours saves no "
            "other there.",
            unit="steps",
            group=RUN,
            job=MOMENTS,
        ),
    ] = field(default_factory=lambda: [7000, 30_000])
    test_iterations: Annotated[
        list[int],
        Option(
            "Steps after which it is scored as well, with `eval`.",
            advice="In a job only where the output `report` or `quality` shows it.",
            unit="steps",
            group=RUN,
            job=MOMENTS,
        ),
    ] = field(default_factory=lambda: [7000, 30_000])
    checkpoint_iterations: Annotated[
        list[int],
        Option(
            "Steps after which everything needed to resume is written.",
            advice="A job's folder is removed with its checkpoints: without use.",
            unit="steps",
            group=RUN,
            job=MOMENTS,
        ),
    ] = field(default_factory=list)
    quiet: Annotated[
        bool, Option("Say nothing at the end.", advice="The worker is quiet in any case.", group=RUN, job=SWITCH)
    ] = False
    start_checkpoint: Annotated[Path | None, Option("Resume from this chkpnt file of this trainer.", group=RUN)] = None


@dataclass
class ScenePaths:
    """Where a command line finds the scene, and where it writes. Jobs may name both; the worker has its own."""

    source_path: Annotated[
        Path,
        Option(
            "The scene folder.",
            advice="A folder of the machine: the worker's business. Taken, for callers that send it, and not obeyed.",
            group=MODEL,
            short="-s",
            job=InJob(default="", longest=LONGEST_PATH, obeyed=False),
        ),
    ]
    model_path: Annotated[
        Path,
        Option(
            "The model folder to write; `output/<random>` if left out.",
            advice="As `source_path`.",
            group=MODEL,
            short="-m",
            required=False,
            job=InJob(default="", longest=LONGEST_PATH, obeyed=False),
        ),
    ]
