"""What a job may say about single stages: sections of it, made of the stages' own options."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from pydantic import BaseModel, ConfigDict, create_model, model_validator

from splatworker.contract.declared import fields_of, known_to_jobs
from splatworker.sfm.options import SfmOptions
from splatworker.video.options import VideoOptions

SFM = known_to_jobs((SfmOptions,))
"""Options of the reconstruction that a job may name, as they are declared."""

VIDEO = known_to_jobs((VideoOptions,))
"""The same of the choice of frames."""


class _StageOptions(BaseModel):
    """What a job may say about a stage, by the names of its options."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False)

    def arguments(self) -> list[str]:
        """The given options as arguments of the stage's command; a switch that is off is left out."""
        given = self.model_dump(exclude_unset=True, exclude_none=True)
        words: list[str] = []
        for name, value in given.items():
            option = f"--{name.replace('_', '-')}"
            words += [option] * value if isinstance(value, bool) else [option, str(value)]
        return words


class _JobSfmOptions(_StageOptions):
    """What a job may say about the reconstruction; names and meaning are those of `splatworker sfm`."""


class _JobVideoOptions(_StageOptions):
    """What a job may say about the choice of frames; names and meaning are those of `splatworker frames`."""

    @model_validator(mode="after")
    def _agree(self) -> Self:
        given = self.model_dump(exclude_none=True)
        try:
            VideoOptions(**given)
        except ValueError as error:
            raise ValueError(str(error).replace("--", "")) from None
        return self


if TYPE_CHECKING:

    class JobSfmOptions(_JobSfmOptions):
        """As `create_model` makes it: a number may be None, for the stage's own."""

        def __getattr__(self, name: str) -> Any: ...

    class JobVideoOptions(_JobVideoOptions):
        """Likewise."""

        def __getattr__(self, name: str) -> Any: ...
else:
    JobVideoOptions = create_model(
        "JobVideoOptions",
        __base__=_JobVideoOptions,
        __doc__=_JobVideoOptions.__doc__,
        __module__=__name__,
        **fields_of(VIDEO),
    )
    JobSfmOptions = create_model(
        "JobSfmOptions", __base__=_JobSfmOptions, __doc__=_JobSfmOptions.__doc__, __module__=__name__, **fields_of(SFM)
    )
