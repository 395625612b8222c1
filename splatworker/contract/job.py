"""A job, as it comes in: the one place that knows the input contract.

`parse` turns whatever arrived into a `Job`, or says in one sentence which field is at fault. Next to nothing is
converted: 7000.0 is 7000, more than there is becomes the most there is, and a number that nobody can have meant is
left out, with a word (`param_limits`); a number in quotes, or a boolean where a number belongs, is refused rather than
guessed at.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeVar

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PrivateAttr,
    ValidationError,
    field_validator,
)

from splatworker.contract.outputs import OUTPUTS
from splatworker.contract.param_limits import within_limits, without_nonsense
from splatworker.contract.params import Params
from splatworker.contract.refusal import explain, shown, unknown_name
from splatworker.contract.stage_sections import JobSfmOptions, JobVideoOptions
from splatworker.errors import InvalidJob, TooFewPhotos
from splatworker.formats.mask_names import MaskMode
from splatworker.photos.enough_photos import FEWEST_PHOTOS, MOST_PHOTOS

LONGEST_URL = 8192
LONGEST_DEADLINE_S = 7 * 24 * 3600

BESIDE_PARAMS = ("schedule", "preview")
"""Params that may stand beside `params` as well as in them."""

Validated = TypeVar("Validated", bound="Recipe")

Url = Annotated[str, Field(min_length=1, max_length=LONGEST_URL)]


MOST_VIDEOS = 20
"""Of one job."""


SECTIONS: dict[str, type[BaseModel]] = {"params": Params, "sfm": JobSfmOptions, "video": JobVideoOptions}
"""Fields that have fields of their own."""


class Recipe(BaseModel):
    """How to make a splat of photos, wherever they come from."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    params: Params = Field(
        default=Params(), description="Training parameters, by the names of the original trainer's command line."
    )
    sfm: JobSfmOptions = Field(
        default=JobSfmOptions(), description="Options of the reconstruction, those of `splatworker sfm`."
    )
    video: JobVideoOptions = Field(
        default=JobVideoOptions(), description="How frames of videos are chosen: options of `splatworker frames`."
    )
    trainer: Literal["native", "inria"] = Field(
        default="native",
        description="inria for the original `train.py`, where the image has it. Its licence forbids commercial use.",
    )
    subject: Literal["scene", "object"] = Field(
        default="scene",
        description="object: only the one thing that all photos show is delivered, without what it stands on and what "
        "is around it (docs/object.md). Where there is no single thing, the scene is, with a warning.",
    )
    segmentation: bool = Field(
        default=False,
        description="With the subject object: a segmentation network looks at the photos, too, where the worker has "
        "one (docs/object.md), and where its masks agree they sharpen the object's edge.",
    )
    mask_mode: MaskMode = Field(
        default="auto",
        description="What masked pixels are. ignore: nobody knows what is there (a passer-by), so it is not learnt. "
        "cutout: nothing is there, so only the object is left. auto: ignore for `mask_urls` and mask files, cutout for "
        "the photos' own alpha (docs/masks.md).",
    )
    invert_masks: bool = Field(
        default=False, description="In masks black is what counts; else it is white. A photo's alpha is not inverted."
    )
    deadline_s: Annotated[float, Field(gt=0, le=LONGEST_DEADLINE_S, allow_inf_nan=False)] | None = Field(
        default=None,
        description="Seconds from the start after which the job is given up; the end of a presigned `upload_url` "
        "counts as one, too, and so does the worker's own (`SPLATWORKER_DEADLINE_S`, half an hour by default).",
    )

    _notes: tuple[str, ...] = PrivateAttr(())

    @property
    def notes(self) -> tuple[str, ...]:
        """What was not taken as it was given: a sentence each."""
        return self._notes

    @property
    def at_most_a_preview(self) -> bool:
        """Whether a machine without a GPU trains no more than a preview, whatever `iterations` say."""
        return self.params.preview and "preview" in self.params.model_fields_set

    @property
    def no_preview(self) -> bool:
        """Whether a machine without a GPU trains what one with a GPU would."""
        return not self.params.preview

    @field_validator("params", "sfm", "video", mode="before")
    @classmethod
    def _null_is_nothing_said(cls, value: object) -> object:
        return {} if value is None else value


class Job(Recipe):
    """One job: photos in, or videos, and a splat out."""

    image_urls: list[Url] = Field(
        default=[],
        max_length=MOST_PHOTOS,
        description="Where the photos are: presigned URLs, or any that HTTP GET answers. At least five must turn out "
        "to be photos. Beside a video there may be fewer, or none.",
    )
    video_url: Url | None = Field(
        default=None, description="Where a video is (MP4, MOV, WebM, MKV): frames of it are photos, too."
    )
    video_urls: list[Url] = Field(
        default=[], max_length=MOST_VIDEOS, description="The same for several videos of one subject."
    )
    mask_urls: list[Url | None] = Field(
        default=[],
        max_length=MOST_PHOTOS,
        description="The photos' masks, in the order of `image_urls`, null where a photo has none: pictures of the "
        "photo's shape, white where it counts (docs/masks.md).",
    )
    upload_url: Url = Field(description="Where the splat goes with one HTTP PUT: a presigned URL.")
    webhook_url: Url | None = Field(default=None, description="Hears how the job ended.")
    project_id: Annotated[str, Field(max_length=256)] | None = Field(
        default=None, description="Comes back in the result and the webhook."
    )
    public_url: Url | None = Field(
        default=None,
        description="What `model_url` says: the address that a page can load. Without it, `upload_url` less its "
        "query, as `SPLATWORKER_PUBLIC_URL` changes it (docs/runpod.md).",
    )
    webhook_secret: Annotated[str, Field(min_length=1, max_length=512)] | None = Field(
        default=None,
        description="`whsec_...`, 24 to 64 bytes in base64: messages are signed as Standard "
        "Webhooks (https://www.standardwebhooks.com) are.",
    )
    webhook_progress: bool = Field(
        default=False, description="The webhook hears how far the job is, too: at most every 5 s."
    )
    outputs: dict[str, Url] = Field(
        default={},
        description="What else to make, by name, each with the URL that it is PUT to (docs/formats.md).",
        json_schema_extra={"propertyNames": {"enum": list(OUTPUTS)}},
    )

    @property
    def videos(self) -> list[str]:
        """The URLs of all videos: `video_url` first."""
        return [*([self.video_url] if self.video_url is not None else []), *self.video_urls]

    @field_validator("video_urls", mode="before")
    @classmethod
    def _null_is_none(cls, value: object) -> object:
        return [] if value is None else value

    @property
    def at_most_a_preview(self) -> bool:
        """As a recipe's, but unless told otherwise: a product's preset does not ask for hours on a CPU."""
        return self.params.preview

    @field_validator("mask_urls", mode="before")
    @classmethod
    def _null_is_no_mask(cls, value: object) -> object:
        return [] if value is None else value

    @field_validator("outputs", mode="before")
    @classmethod
    def _outputs_are_known(cls, value: object) -> object:
        if value is None:
            return {}
        unknown = next((str(name) for name in value if name not in OUTPUTS), None) if isinstance(value, dict) else None
        if unknown is not None:
            raise ValueError(f"'{shown(unknown[:60])}' is none of {', '.join(OUTPUTS)}")
        return value


class _JobOfPhotos(Job):
    """A job without videos: photos must be there."""

    image_urls: list[Url] = Field(max_length=MOST_PHOTOS)


def parse(data: object) -> Job:
    """The job in `data`.

    Raises:
        InvalidJob, UnknownParam, InvalidParam: the field at fault and what is wrong with it.
        TooFewPhotos: fewer photos are given than a reconstruction needs.
    """
    if not isinstance(data, dict):
        raise InvalidJob("The job's input must be a JSON object.", hint="See the README for an example.")
    if data.get("video_url") is None and not data.get("video_urls"):
        job: Job = _validated(_JobOfPhotos, data)
    else:
        job = _validated(Job, {name: value for name, value in data.items() if (name, value) != ("image_urls", None)})
    if not job.videos and len(job.image_urls) < FEWEST_PHOTOS:
        raise TooFewPhotos(
            f"The job has {len(job.image_urls)} photo{'s' if len(job.image_urls) != 1 else ''}; "
            f"at least {FEWEST_PHOTOS} are needed.",
            hint="Take 20 to 100 overlapping photos around the subject.",
        )
    if job.mask_urls and not job.image_urls:
        raise InvalidJob(
            "The field 'mask_urls' has entries, and there are no 'image_urls': masks are of photos, not of videos.",
            hint="Make photos of the video (splatworker frames), and send them with their masks.",
        )
    if job.mask_urls and len(job.mask_urls) != len(job.image_urls):
        entries = "1 entry" if len(job.mask_urls) == 1 else f"{len(job.mask_urls)} entries"
        raise InvalidJob(
            f"The field 'mask_urls' has {entries}, and 'image_urls' {len(job.image_urls)}: "
            "there must be one for each photo.",
            hint="Write null for a photo without a mask.",
        )
    return job


def recipe(data: dict[str, Any]) -> Recipe:
    """The recipe in `data`; errors as `parse`."""
    return _validated(Recipe, data)


def _validated(model: type[Validated], data: dict[str, Any]) -> Validated:
    data = dict(data)
    notes: list[str] = []
    params = {} if data.get("params") is None else data["params"]
    if isinstance(params, dict):
        params = {name: data.pop(name) for name in BESIDE_PARAMS if name in data} | params
    data["params"] = params
    _refuse_unknown_fields(model, data)
    if isinstance(params, dict):
        sensible, left_out = without_nonsense(params)
        data["params"], lowered = within_limits(sensible)
        notes = [*left_out, *lowered]
    try:
        made = model.model_validate(data)
    except ValidationError as error:
        raise explain(error, SECTIONS, Job) from None
    made._notes = tuple(notes)
    return made


def _refuse_unknown_fields(model: type[Recipe], data: dict[str, Any]) -> None:
    """Refuse the first name that is not known: pydantic would list them all, however many there are."""
    for name, section in (*SECTIONS.items(), ("", model)):
        unknown = _unknown_field(section, data.get(name) if name else data)
        if unknown is None:
            continue
        raise unknown_name(unknown, section)


def _unknown_field(section: type[BaseModel], given: object) -> str | None:
    """The first name that is not known."""
    if not isinstance(given, dict):
        return None
    unknown = next((key for key in given if key not in section.model_fields), None)
    return None if unknown is None else str(unknown)


def caller_fields(data: object) -> tuple[str | None, str | None, str | None]:
    """project_id, webhook_url and webhook_secret of an input that may be no valid job: so that even then its
    sender is told.
    """
    if not isinstance(data, dict):
        return None, None, None
    project, url, secret = (
        value if isinstance(value := data.get(name), str) and _is_text(value) else None
        for name in ("project_id", "webhook_url", "webhook_secret")
    )
    return project, url, secret


def _is_text(value: str) -> bool:
    """Whether it can be sent on: not endless, and valid Unicode."""
    return len(value) <= LONGEST_URL and not any("\ud800" <= letter <= "\udfff" for letter in value)


def read_input(document: Any) -> object:
    """The input of a job document: with or without the platform's `{"input": ...}` around it."""
    if isinstance(document, dict) and "input" in document:
        return document["input"]
    return document
