"""The options of our own trainer that the original does not know, each said once, as in `training_options`."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from pathlib import Path
from typing import Annotated, Literal

from splatworker.formats.mask_names import MaskMode
from splatworker.stages.options import COUNT, NATURAL, SHARE, InJob, Option, Range
from splatworker.train.training_options import FRACTION, ITERATION, ITERATION_OR_NONE, SWITCH

LightMode = Literal["as_taken", "auto", "common"]
StartPoints = Literal["sparse", "auto", "dense"]
PassersByMode = Literal["off", "auto", "on"]
BackdropMode = Literal["off", "auto", "on"]

OURS = "Of our own trainer alone"
"""Their heading."""


def demand_one_background(backdrop: BackdropMode, *, white: bool, random: bool) -> None:
    """Refuse options that say two things of what is behind the scene.

    Raises:
        ValueError: they do.
    """
    other = "white_background" if white else "random_background" if random else ""
    if backdrop == "on" and other:
        raise ValueError(f"backdrop on and {other} both say what is behind the scene: leave one of them out")


def demand_one_light(light: LightMode, *, exposures: bool) -> None:
    """Refuse options that do two things about the photos' light.

    Raises:
        ValueError: they do.
    """
    if light == "common" and exposures:
        raise ValueError("light common and train_test_exp both even out the photos' light: leave one of them out")


@dataclass
class OwnOptions:
    """Ours. By default they leave the original's method as it is."""

    _: KW_ONLY

    max_gaussians: Annotated[
        int,
        Option(
            "No more Gaussians than this; 0: as many as memory holds.",
            NATURAL,
            advice="A bound on the file's size. While photos are shrunk (`coarse_iterations`) a quarter, then 0.6 of "
            "it.",
            unit="Gaussians",
            whose="ours",
            group=OURS,
            job=InJob(Range(at_least=0, at_most=50_000_000)),
        ),
    ] = 0
    coarse_iterations: Annotated[
        int,
        Option(
            "So many first iterations see shrunk photos: half of them a quarter of the width, the rest half. Faster; "
            "details come later.",
            NATURAL,
            advice='Not given, see "Coarse to fine".',
            unit="steps",
            whose="ours",
            group=OURS,
            job=InJob(ITERATION_OR_NONE),
        ),
    ] = 0
    density: Annotated[
        Literal["original", "revised"],
        Option(
            "Who is cloned, split and pruned: the original's rule (Kerbl et al. 2023), or one with fewer Gaussians and "
            "without resets of the opacities.",
            advice='Not given, see "Coarse to fine".',
            whose="ours",
            group=OURS,
            job=InJob(),
        ),
    ] = "original"
    gradients: Annotated[
        Literal["net", "absolute"],
        Option(
            'What tells `density` "revised" that a Gaussian is wanted: the gradient of its place in a photo (net), or '
            "the sum of those of blocks of 8 by 8 pixels, which cannot cancel out (absolute).",
            advice='Not given, see "Coarse to fine".',
            whose="ours",
            group=OURS,
            job=InJob(),
        ),
    ] = "net"
    final_rate: Annotated[
        float,
        Option(
            "Over the last third of the iterations all rates but the positions' fall to this share of themselves.",
            FRACTION,
            advice='Not given, see "Coarse to fine".',
            whose="ours",
            group=OURS,
            job=InJob(),
        ),
    ] = 1.0
    sh_degree_interval: Annotated[
        int,
        Option(
            "Iterations until the colours may depend on the direction one degree more.",
            COUNT,
            unit="steps",
            whose="ours",
            group=OURS,
            job=InJob(ITERATION),
        ),
    ] = 1000
    huber_delta: Annotated[
        float,
        Option(
            "Values, from 0 to 1, that differ by less from the photo's count by the square of that in the loss "
            "(Huber's function), others by how much they differ; 0: all do.",
            SHARE,
            advice='Not given, see "Coarse to fine".',
            whose="ours",
            group=OURS,
            job=InJob(),
        ),
    ] = 0.0
    dropout: Annotated[
        float,
        Option(
            "The share of Gaussians that a step leaves out at random, growing from none to this at the last step; the "
            "others are the more opaque meanwhile. Keeps few photos from being learnt by heart.",
            Range(at_least=0, below=1),
            advice='Not given, see "Coarse to fine".',
            whose="ours",
            group=OURS,
            job=InJob(Range(at_least=0, at_most=0.9)),
        ),
    ] = 0.0
    teachers: Annotated[
        int,
        Option(
            "So many trainings with other random numbers come first. What they agree on, seen from between the photos, "
            "this one is shown beside the photos: where these leave things open, less is made up.",
            NATURAL,
            advice='Not given, see "Teachers".',
            unit="trainings",
            whose="ours",
            group=OURS,
            job=InJob(Range(at_least=0, at_most=8)),
        ),
    ] = 0
    teacher_iterations: Annotated[
        int,
        Option(
            "Iterations of each of them.",
            COUNT,
            advice='Not given, see "Teachers".',
            unit="steps",
            whose="ours",
            group=OURS,
            job=InJob(ITERATION),
        ),
    ] = 7000
    taught_views: Annotated[
        int,
        Option(
            "Views between the photos that they show.",
            NATURAL,
            advice='Not given, see "Teachers". Each takes as much memory as a photo, and as many iterations.',
            unit="views",
            whose="ours",
            group=OURS,
            job=InJob(Range(at_least=0, at_most=1000)),
        ),
    ] = 24
    taught_beyond: Annotated[
        float,
        Option(
            "The share of them that stand a little beyond the photos, as seen from their neighbours, in place of "
            "between two.",
            Range(at_least=0, at_most=1),
            advice='Not given, see "Teachers".',
            whose="ours",
            group=OURS,
            job=InJob(),
        ),
    ] = 0.0
    light: Annotated[
        LightMode,
        Option(
            "Photos are trained on as they were taken, or all brought into one light, their mean, by gains for red, "
            "green and blue that the points they share tell; auto: the second where light differs from photo to photo "
            "without rule. Both take out the dark corners that a lens makes, where the points tell them beyond doubt.",
            advice="Not given, auto. common for photos of many people or days, if auto leaves them alone. With "
            "`train_test_exp` auto leaves gains to that.",
            whose="ours",
            group=OURS,
            job=InJob(),
        ),
    ] = "as_taken"
    start_points: Annotated[
        StartPoints,
        Option(
            "What training starts from: sparse, the cameras' own points; dense, also points of all surfaces on whose "
            "place two photos agree, pixel by pixel; auto: the second where photos are few.",
            advice='Not given, see "Coarse to fine".',
            whose="ours",
            group=OURS,
            job=InJob(),
        ),
    ] = "sparse"
    backdrop: Annotated[
        BackdropMode,
        Option(
            "What is behind everything and has no features, as a plain wall, studio paper or the sky, is one smooth "
            "colour that depends on the direction, and not trained; auto: where it explains what has no features. "
            "Where light differs without rule, each photo has one of its own beside it.",
            advice="Not given, auto.",
            whose="ours",
            group=OURS,
            job=InJob(),
        ),
    ] = "off"
    passers_by: Annotated[
        PassersByMode,
        Option(
            "Who or what one photo shows and the others that see the place do not is left out of it, as if masked. "
            "auto: where these agree with each other; on: also where several do not, as before a crowd.",
            advice="Not given, auto. on where many walk through the photos; off to keep what a single photo shows "
            "(docs/quality.md).",
            whose="ours",
            group=OURS,
            job=InJob(),
        ),
    ] = "off"
    deterministic: Annotated[
        bool,
        Option(
            "The same photos and cameras give the same splat to the bit on the same kind of GPU, at about a tenth more "
            "time; on a CPU, which repeats itself in any case, on every processor with AVX2.",
            advice="With our own schedule a job on a GPU does so by itself where photos are few, and from 10000 "
            "iterations on.",
            whose="ours",
            group=OURS,
            job=SWITCH,
        ),
    ] = False

    masks: Annotated[
        Path | None,
        Option(
            "A folder of masks, white where a photo counts; by default the scene's `masks`.", whose="ours", group=OURS
        ),
    ] = None
    mask_mode: Annotated[
        MaskMode,
        Option(
            "What masked pixels are: ignore, nobody knows what is there; cutout, nothing is there; auto: the first of "
            "mask files, the second of the photos' own alpha.",
            whose="ours",
            group=OURS,
        ),
    ] = "auto"
    invert_masks: Annotated[bool, Option("In mask files black is what counts.", whose="ours", group=OURS)] = False
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
