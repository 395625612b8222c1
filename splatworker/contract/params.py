"""The training parameters of a job, made from the declared options of the trainer.

The names are those of the original trainer's command line, and so are the defaults, but for two: `iterations` is
7000 and `opacity_lr` 0.05. What a run trains by where a job leaves that open is `schedule`'s to say.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import KW_ONLY, dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self, cast

from pydantic import BaseModel, ConfigDict, create_model, field_validator, model_validator

from splatworker.contract.declared import fields_of, known_to_jobs
from splatworker.stages.options import InJob, Option, Range, declared
from splatworker.train.own_options import OURS, OwnOptions, demand_one_background, demand_one_light
from splatworker.train.training_options import MODEL, OPTIMISATION, PIPELINE, RUN, ScenePaths, TrainingOptions
from splatworker.train.unused_options import UnusedOptions

SCALES = Range(at_least=1.0, at_most=64.0)
"""Of `resolution_scales`: photos are not enlarged, and not shrunk to nothing."""

SCHEDULE = "Whose schedule"
GROUPS = (OPTIMISATION, MODEL, PIPELINE, RUN, SCHEDULE, OURS)
"""Headings of the params, in their order."""


@dataclass
class JobOptions:
    """Params that are no option of the trainer's command line: whose schedule, and how much of it."""

    _: KW_ONLY

    resolution_scales: Annotated[
        list[float],
        Option(
            "Photos are also divided by the smallest of these.",
            SCALES,
            group=MODEL,
            job=InJob(shortest=1, longest=8),
        ),
    ] = field(default_factory=lambda: [1.0])
    schedule: Annotated[
        Literal["own", "original"],
        Option(
            "original: every param to the letter, and where none is given, the original's default.",
            advice="May also stand beside `params`.",
            whose="ours",
            group=SCHEDULE,
            job=InJob(),
        ),
    ] = "own"
    preview: Annotated[
        bool,
        Option(
            "On a machine without a GPU a preview is trained; false: what one with a GPU would train, which takes "
            "long.",
            advice="May also stand beside `params`.",
            whose="ours",
            group=SCHEDULE,
            job=InJob(),
        ),
    ] = True


DECLARED = known_to_jobs((ScenePaths, TrainingOptions, UnusedOptions, JobOptions, OwnOptions), GROUPS)
"""Every param, as it is declared."""


class _Params(BaseModel):
    """Parameters of one training run. `docs/parameters.md` says what each one does and when to change it."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False)

    @field_validator("resolution", check_fields=False)
    @classmethod
    def _resolution_is_divisor_or_width(cls, value: int) -> int:
        if value in (-1, 1, 2, 4, 8) or value >= 32:
            return value
        raise ValueError("must be -1 (automatic), 1, 2, 4 or 8 (divide by), or a width of at least 32 pixels")

    @model_validator(mode="after")
    def _one_background(self) -> Self:
        params = cast("Params", self)
        demand_one_background(params.backdrop, white=params.white_background, random=params.random_background)
        return self

    @model_validator(mode="after")
    def _one_light(self) -> Self:
        params = cast("Params", self)
        demand_one_light(params.light, exposures=params.train_test_exp)
        return self


if TYPE_CHECKING:

    class Params(_Params, TrainingOptions, UnusedOptions, JobOptions, OwnOptions):
        """As `create_model` makes it."""
else:
    Params = create_model(
        "Params", __base__=_Params, __doc__=_Params.__doc__, __module__=__name__, **fields_of(DECLARED)
    )

DEFAULTS = Params()

WORKERS_OWN = frozenset(known.name for known in DECLARED if known.option.job and not known.option.job.obeyed)
"""Folders on the machine: the worker's business. Accepted, for callers that send them, and not obeyed."""

NATIVE_ONLY = frozenset(known.name for known in DECLARED if known.option.group == OURS)
"""Parameters that the original trainer does not know."""

NOT_ARGUMENTS = WORKERS_OWN | {"quiet", "disable_viewer"} | {known.name for known in declared(JobOptions)}
"""Parameters that are no option of the trainer's command line, or that the worker sets itself."""


def ignored(params: Params, useless: Collection[str]) -> list[str]:
    """The given parameters among `useless` that ask for something else than their default does."""
    return sorted(
        name for name in params.model_fields_set & set(useless) if getattr(params, name) != getattr(DEFAULTS, name)
    )


def arguments(values: dict[str, Any]) -> list[str]:
    """Resolved parameters as options of the trainer's command line.

    A false switch is left out, as are lists without an entry: the original trainer's switches know no "false".
    """
    options: list[str] = []
    for name, value in values.items():
        if name in NOT_ARGUMENTS or value is False or value == []:
            continue
        options.append(f"--{name}")
        if isinstance(value, list):
            options.extend(str(entry) for entry in value)
        elif value is not True:
            options.append(str(value))
    return options
