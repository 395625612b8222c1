"""The schedule of a run: what it trains by, where a job leaves that open.

Our trainer has a schedule of its own (`resolve`): from coarse to fine on a GPU and with larger steps, and on a machine
without one a preview. A param that repeats a default leaves it as it is, and one that asks for something changes that
alone (`overrides`). `schedule` "original" takes every param to the letter.
"""

from __future__ import annotations

from typing import Any, Literal

from splatworker.contract.overrides import SCALED, applied, is_default_or_preset
from splatworker.contract.params import DEFAULTS, NATIVE_ONLY, Params

PREVIEW_ITERATIONS = 1500
"""Iterations of a preview: what two processors train in about a minute."""

UNHURRIED_ITERATIONS = 4500
"""A preview of so many iterations or more learns no faster than the original."""

PREVIEW_GAUSSIANS = 80_000
"""A preview's Gaussians at most: more cost time that a CPU does not have."""

PREVIEW_LONGEST_SIDE = 640
"""Pixels on the longest side of a preview's photos."""

DENSIFY_UNTIL_AT_MOST = 15_000
"""Densification ends half way through the iterations, and at the latest here."""

ORIGINAL_PACE_ITERATIONS = 10_500
"""On a GPU, so many iterations would learn at the original's rates, and fewer the faster, within `PACES`."""

PACES = (1.5, 2.0)
"""Multiples of the original's rates, at least and at most: dropout keeps also long runs from overfitting."""

COARSE_AT_MOST = 4000
"""Coarse to fine: iterations on shrunk photos, beyond which nothing was measured."""

FINAL_RATE, FINAL_RATE_OF_LONG = 0.1, 0.03
"""On a GPU, what is left of the rates at the end, and where `LONG_ITERATIONS` or more are trained."""

LONG_ITERATIONS = 10_000

MOST_USEFUL_ITERATIONS = 15_000
"""More have not made any splat better, and many worse (docs/benchmarks.md, "How long")."""

LEAST_OVERLAP = 9.0
"""Photos that overlap with fewer others are learnt by heart in more than `USEFUL_ITERATIONS_OF_FEW`."""

USEFUL_ITERATIONS_OF_FEW = 3000

MOST_TEACHERS = 4
"""Trainings that come first: how much more a fifth would tell has not been measured."""

TEACHERS_OF_MANY = 7500
"""Iterations of a teacher where photos overlap: half of what is useful."""

TAUGHT_VIEWS = 24
"""Views that they show: of more, where photos are many, what is blurred in a mean of several trainings is learnt, too.
"""

TAUGHT_BEYOND = 0.5
"""The share of these views that stand beyond the photos, where these overlap. Of few photos nobody knows what is there.
"""

DSSIM_OF_TAUGHT = 0.3
"""`lambda_dssim` of photos that overlap and have teachers: more detail, of 40 % more Gaussians. Trainings without
teachers gain nothing by it (docs/benchmarks.md, "Structure counts for more")."""

DROPOUT = 0.2
"""The share of Gaussians left out at the end of a training: worth 0.3 to 3 dB on photos held out. Only a run of less
than `DROPOUT_FROM` iterations on photos of plenty of overlap is better without: it learns nothing by heart."""

DROPOUT_FROM = 5000

HUBER_DELTA = 0.05
"""Twelve of a pixel's 255 values. The mean of what photos show where they disagree a little is nearer to the next photo
than their median: 0 to 0.4 dB (docs/benchmarks.md, "Huber's function")."""

THRESHOLDS = (0.9, 0.8)
"""Of the gradient at which Gaussians are added where photos overlap, as multiples of the default, and where
`LONG_ITERATIONS` or more are trained: gradients are smaller with Huber's function."""


def schedule_of(params: Params, trainer: str) -> Literal["own", "original"]:
    """Whose schedule a run follows. The original trainer knows its own alone."""
    return "original" if trainer == "inria" else params.schedule


def resolve(
    params: Params,
    *,
    preview: bool,
    trainer: str = "native",
    at_most: int | None = None,
    overlap: float | None = None,
) -> dict[str, Any]:
    """Every parameter's value for this run.

    With our own schedule: our choice, but for what the job asks for. With the original's: what is given as given, the
    others by default or by what is given.

    Args:
        params: as the job gives them.
        preview: the machine has no GPU, so that our choices are for speed.
        trainer: who trains, "native" or "inria".
        at_most: of iterations, in our own schedule of a preview.
        overlap: with how many others a photo overlaps (`sfm.overlap`), the mean; None where it is not known.
    """
    values = params.model_dump()
    given = {name: values[name] for name in params.model_fields_set}
    own = schedule_of(params, trainer) == "own"
    asked = values["iterations"]
    iterations = PREVIEW_ITERATIONS if preview and "iterations" not in given else asked
    if own and preview:
        iterations = min(iterations, at_most or iterations)
    elif own:
        iterations = useful_iterations(iterations, overlap)
    share = iterations / asked if "iterations" in given else 1.0
    values["iterations"] = iterations
    chosen: dict[str, Any] = {
        "position_lr_max_steps": iterations,
        "densify_until_iter": min(DENSIFY_UNTIL_AT_MOST, iterations // 2),
    }
    if own:
        chosen |= {name: getattr(DEFAULTS, name) for name in ("opacity_lr", "densify_from_iter", *SCALED)}
        chosen |= {"light": "auto", "backdrop": "auto", "passers_by": "auto"}
        if preview:
            chosen |= preview_schedule(iterations)
        else:
            chosen |= coarse_to_fine_schedule(iterations, overlap) | teachers(asked, overlap)
            if given.get("teachers", chosen["teachers"]) and not _is_little(overlap):
                chosen["lambda_dssim"] = DSSIM_OF_TAUGHT
    for name, ours in chosen.items():
        default = getattr(DEFAULTS, name)
        if name not in given:
            values[name] = ours
        elif own and name not in NATIVE_ONLY:
            nothing = is_default_or_preset(name, given, asked, default)
            values[name] = ours if nothing else applied(name, given[name], ours, default, share)
    if values["density"] == "revised" and own and values["opacity_reset_interval"] != DEFAULTS.opacity_reset_interval:
        values["opacity_resets"] = True  # which the revised rule does only for whoever asks for them
    for name in ("save_iterations", "test_iterations"):
        values[name] = sorted({i for i in values[name] if i < iterations} | {iterations})
    return values


def useful_iterations(asked: int, overlap: float | None) -> int:
    """How many of the iterations that are asked for our own schedule trains: as many as make the splat better.

    Args:
        asked: iterations.
        overlap: as for `resolve`.
    """
    return min(asked, USEFUL_ITERATIONS_OF_FEW if _is_little(overlap) else MOST_USEFUL_ITERATIONS)


def teachers(asked: int, overlap: float | None) -> dict[str, int | float]:
    """Who teaches the training, in the iterations that are asked for and would not make it better themselves.

    Args:
        asked: iterations.
        overlap: as for `resolve`.
    """
    few = _is_little(overlap)
    each = USEFUL_ITERATIONS_OF_FEW if few else TEACHERS_OF_MANY
    left = asked - useful_iterations(asked, overlap)
    return {
        "teachers": min(MOST_TEACHERS, left // each),
        "teacher_iterations": each,
        "taught_views": TAUGHT_VIEWS,
        "taught_beyond": 0.0 if few else TAUGHT_BEYOND,
    }


def shall_repeat(iterations: int, overlap: float | None) -> bool:
    """Whether a training on a GPU repeats itself to the bit although nobody asked for that.

    It costs a tenth more time and spares surprises. What few photos leave open, chance decides, by whole decibels: two
    presets that train the same number of iterations shall deliver the same splat. And whoever waits for many
    iterations shall not find the next preset worse by bad luck.

    Args:
        iterations: that are trained.
        overlap: as for `resolve`.
    """
    return _is_little(overlap) or iterations >= LONG_ITERATIONS


def _is_little(overlap: float | None) -> bool:
    return overlap is not None and overlap < LEAST_OVERLAP


def preview_schedule(iterations: int) -> dict[str, Any]:
    """What a few thousand iterations on a CPU are best spent on.

    Half of them on shrunk photos, where an iteration costs a quarter or a sixteenth; Gaussians added early and often,
    since there is little time to add them, and started from all surfaces where photos are few; and everything learning
    up to three times as fast, positions six times, the fewer iterations there are (docs/lab-log/cameras-and-cpu.md,
    "The preview").
    """
    rate_factor = min(3.0, max(1.0, UNHURRIED_ITERATIONS / iterations))
    return {
        **_rates(rate_factor, positions=2 * rate_factor),
        "start_points": "auto",
        "coarse_iterations": iterations // 2,
        "densify_from_iter": min(150, iterations // 10),
        "densification_interval": 40,
        "densify_until_iter": min(DENSIFY_UNTIL_AT_MOST, iterations * 7 // 10),
        "max_gaussians": PREVIEW_GAUSSIANS,
    }


def coarse_to_fine_schedule(iterations: int, overlap: float | None) -> dict[str, Any]:
    """Shrunk photos for a third of the iterations, Gaussians added for two thirds, and larger steps for short runs.

    Who is added and who goes is the revised rule's to say (`train.density.RevisedDensity`), and in the last third rates
    fall. With absolute gradients photos that overlap are as good with fewer Gaussians; few photos lost half a decibel.

    While photos are shrunk, fewer Gaussians pass the threshold, so that their number follows the resolution; they need
    some time at full resolution to be added in, hence the later end. The original's rates are those of 30 000
    iterations: 7000 learn more with half as much again (docs/lab-log/cuda.md, "Whole trainings").
    """
    slowest, fastest = PACES
    is_long, is_little = iterations >= LONG_ITERATIONS, _is_little(overlap)
    rate_factor = min(fastest, max(slowest, ORIGINAL_PACE_ITERATIONS / iterations))
    return {
        **_rates(rate_factor, positions=2 * rate_factor - 1),
        "final_rate": FINAL_RATE_OF_LONG if is_long else FINAL_RATE,
        "dropout": DROPOUT if is_little or iterations >= DROPOUT_FROM else 0.0,
        "huber_delta": HUBER_DELTA,
        "density": "revised",
        "gradients": "net" if is_little else "absolute",
        "densify_grad_threshold": DEFAULTS.densify_grad_threshold * (1 if is_little else THRESHOLDS[is_long]),
        "start_points": "auto",
        "coarse_iterations": min(COARSE_AT_MOST, iterations // 3),
        "densify_until_iter": min(DENSIFY_UNTIL_AT_MOST, iterations * 2 // 3),
    }


def _rates(rate_factor: float, positions: float) -> dict[str, float]:
    """Learning rates in multiples of the defaults: `positions`, decaying to a hundredth, `rate_factor` for others."""
    names = ("feature_lr", "scaling_lr", "rotation_lr")
    position_rate = positions * DEFAULTS.position_lr_init
    return {
        "position_lr_init": position_rate,
        "position_lr_final": position_rate / 100,
        **{name: rate_factor * getattr(DEFAULTS, name) for name in names},
    }
