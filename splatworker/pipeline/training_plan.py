"""What a run trains on the machine at hand, and what its sender should be told about that."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from splatworker.contract.job import Job, Recipe
from splatworker.contract.overrides import LIMITS, within_bounds
from splatworker.contract.params import DEFAULTS, ignored
from splatworker.contract.schedule import PREVIEW_ITERATIONS, resolve, schedule_of, shall_repeat
from splatworker.machine.limits import available_cpus
from splatworker.pipeline import cpu_time, photo_sizes, trainers

REPORTS = frozenset({"report", "quality"})
"""Outputs that show the scores on the way."""


@dataclass(frozen=True)
class Plan:
    """A training as it will be.

    Attributes:
        values: every parameter, resolved.
        schedule: whose schedule they make, "own" or "original".
        asked: iterations that were asked for, or by default.
        preview: it is one, for want of a GPU.
        remarks: what is not as it was asked for, or takes long: a sentence each.
    """

    values: dict[str, Any]
    schedule: Literal["own", "original"]
    asked: int
    preview: bool
    remarks: list[str]

    @property
    def iterations(self) -> dict[str, Any]:
        """For the answer: iterations asked for, those of the splat and of its teachers, and whether that is fewer."""
        trained, teachers = self.values["iterations"], self.values["teachers"]
        taught = teachers * self.values["teacher_iterations"]
        return {
            "asked": self.asked,
            "trained": trained,
            **({"teachers": teachers, "taught": taught} if teachers else {}),
            "stopped_early": trained + taught < self.asked and not self.preview,
        }


def is_preview(recipe: Recipe, *, gpu: bool) -> bool:
    """Whether a preview is trained: where there is no GPU, and the recipe does not say that there shall be none."""
    return not gpu and not recipe.no_preview


def plan(
    recipe: Recipe,
    photos: Sequence[tuple[int, int]] = (),
    *,
    overlap: float | None = None,
    gpu: bool = True,
    keeps_model: bool = False,
) -> Plan:
    """The training of a recipe.

    Args:
        recipe: as it was given.
        photos: (width, height) in pixels of the photos that have a camera, where they are known.
        overlap: with how many others a photo overlaps, the mean, where that is known.
        gpu: whether there is a GPU to train on.
        keeps_model: somebody gets the model folder with all splats in it.
    """
    params, preview = recipe.params, is_preview(recipe, gpu=gpu)
    at_most = PREVIEW_ITERATIONS if recipe.at_most_a_preview else None
    values = resolve(params, preview=preview, trainer=recipe.trainer, at_most=at_most, overlap=overlap)
    if gpu and "deterministic" not in params.model_fields_set and schedule_of(params, recipe.trainer) == "own":
        values["deterministic"] = shall_repeat(values["iterations"], overlap)
    if recipe.trainer == "native":
        _leave_out_what_nobody_sees(values, recipe, keeps_model=keeps_model)
    asked = params.iterations if "iterations" in params.model_fields_set or not preview else values["iterations"]
    made = Plan(values, schedule_of(params, recipe.trainer), asked, preview, [])
    made.remarks.extend(_useless(recipe))
    if made.schedule == "own":
        made.remarks.extend(_beyond_limits(recipe))
    if not gpu:
        made.remarks.append(_on_a_cpu(recipe, made, photos, overlap))
    if made.schedule == "own" and not preview and values["iterations"] < asked:
        made.remarks.append(_fewer_iterations(made, len(photos)))
    return made


def _fewer_iterations(made: Plan, photos: int) -> str:
    """Why fewer are trained than were asked for, and what the others are for."""
    told, values = made.iterations, made.values
    sentence = (
        f"The training stops early, after {values['iterations']} of {made.asked} iterations: more of them do not make "
        f"the splat of these {photos} photos better"
    )
    if "teachers" in told:
        count = told["teachers"]
        trainings = f"{count} trainings" if count > 1 else "one training"
        sentence += f". {told['taught']} go to {trainings} before, which teach it what the photos leave open"
    return f"{sentence}. 'schedule': 'original' trains all."


def _leave_out_what_nobody_sees(values: dict[str, Any], recipe: Recipe, *, keeps_model: bool) -> None:
    """No splats on the way that are removed with the job's folder, and no scores that nothing shows."""
    last = [values["iterations"]]
    reported = isinstance(recipe, Job) and bool(REPORTS & recipe.outputs.keys())
    if not keeps_model:
        values["save_iterations"] = last
    if not (values["eval"] and (keeps_model or reported)):
        values["test_iterations"] = last


def _useless(recipe: Recipe) -> list[str]:
    useless = ignored(recipe.params, trainers.without_use(recipe.trainer))
    if not useless:
        return []
    return [f"These params have no effect with the {recipe.trainer} trainer: {', '.join(useless)}."]


def _beyond_limits(recipe: Recipe) -> list[str]:
    """The rates and the threshold that would not end in a splat, and what they became."""
    remarks = []
    for name in LIMITS:
        value, default = getattr(recipe.params, name), getattr(DEFAULTS, name)
        if (applied := within_bounds(name, value, default)) != value:
            remarks.append(
                f"The param '{name}' is {value:g}; the limit of our own schedule, {applied:g}, was taken instead."
            )
    return remarks


def _on_a_cpu(recipe: Recipe, made: Plan, photos: Sequence[tuple[int, int]], overlap: float | None) -> str:
    """What a machine without a GPU trains, how long that takes, and what else there is."""
    trained = made.values["iterations"]
    times = _time_for(recipe, made.values, photos, preview=made.preview)
    if not made.preview:
        return f"This machine has no GPU: {trained} iterations take {times} on its processors."
    small = photo_sizes.undistorted(recipe, (), preview=True) if not photo_sizes.is_a_part(recipe) else None
    size = f", photos of about {small} px" if small else ""
    sentence = f"This machine has no GPU: a preview is trained ({trained} iterations{size}), in {times}."
    if trained == made.asked and not (recipe.at_most_a_preview and isinstance(recipe, Job)):
        return f"{sentence} More is trained with the params 'iterations' and 'resolution', for example 7000 and 1."
    whole = resolve(recipe.params, preview=False, trainer=recipe.trainer, overlap=overlap)
    longer = _time_for(recipe, whole, photos, preview=False)
    return (
        f"{sentence} With the param 'preview': false it would be {whole['iterations']} iterations of photos as a GPU "
        f"trains on, in {longer}."
    )


def _time_for(recipe: Recipe, values: dict[str, Any], photos: Sequence[tuple[int, int]], *, preview: bool) -> str:
    pixels = photo_sizes.trained_pixels(recipe, photos, preview=preview)
    return cpu_time.in_words(cpu_time.training_seconds(values, pixels, available_cpus()))
