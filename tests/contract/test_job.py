"""The input contract: what the real caller sends is taken, everything else is refused in one sentence."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from support.job_texts import GOOD

from splatworker.contract.job import Job, caller_fields, parse, read_input, recipe
from splatworker.contract.params import Params
from splatworker.contract.schedule import resolve
from splatworker.errors import InputError, InvalidJob, InvalidParam, SplatError, TooFewPhotos, UnknownParam
from splatworker.photos.enough_photos import MOST_PHOTOS

CLOUDFLARE: dict[str, Any] = {
    "project_id": "5f2b6c1e-93f3-4a7e-9f9b-0f2f8a2f8c11",
    **GOOD,
    "webhook_url": "https://api.example/webhook",
    "params": {
        "iterations": 7000,
        "position_lr_init": 0.00016,
        "position_lr_final": 0.0000016,
        "position_lr_delay_mult": 0.01,
        "position_lr_max_steps": 30000,
        "feature_lr": 0.0025,
        "opacity_lr": 0.05,
        "scaling_lr": 0.005,
        "rotation_lr": 0.001,
        "sh_degree": 3,
        "percent_dense": 0.01,
        "densification_interval": 100,
        "opacity_reset_interval": 3000,
        "densify_from_iter": 500,
        "densify_until_iter": 15000,
        "densify_grad_threshold": 0.0002,
        "white_background": False,
        "resolution_scales": [1.0],
        "lambda_dssim": 0.2,
        "save_iterations": [7000, 30000],
        "test_iterations": [7000, 30000],
    },
}
"""What the Cloudflare Worker in front of the original system posts."""


@pytest.mark.parametrize("iterations", [3000, 7000, 15000, 30000])
def test_the_real_callers_job_is_taken_and_obeyed_to_the_letter_if_it_says_so(iterations: int) -> None:
    asked = CLOUDFLARE["params"] | {"iterations": iterations, "schedule": "original"}
    job = parse(json.loads(json.dumps(CLOUDFLARE | {"params": asked})))
    values = resolve(job.params, preview=True)
    for name, value in CLOUDFLARE["params"].items():
        if name not in ("iterations", "save_iterations", "test_iterations"):
            assert values[name] == value
    assert values["iterations"] == iterations
    assert values["save_iterations"] == sorted({i for i in (7000,) if i < iterations} | {iterations})
    assert resolve(job.params, preview=False, trainer="inria") == values


def refused(job: object) -> SplatError:
    with pytest.raises(SplatError) as caught:
        parse(job)
    return caught.value


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"image_urls": "https://a.example/1.jpg"}, "image_urls"),
        ({"image_urls": [1, 2, 3, 4, 5]}, "image_urls.0"),
        ({"image_urls": ["https://a.example/1.jpg"] * (MOST_PHOTOS + 1)}, "image_urls"),
        ({"upload_url": None}, "upload_url"),
        ({"upload_url": ""}, "upload_url"),
        ({"upload_url": "https://a.example/" + "x" * 10_000}, "upload_url"),
        ({"project_id": 7}, "project_id"),
        ({"trainer": "other"}, "trainer"),
        ({"webhook_progress": "yes"}, "webhook_progress"),
        ({"deadline_s": 0}, "deadline_s"),
        ({"deadline_s": math.nan}, "deadline_s"),
        ({"deadline_s": True}, "deadline_s"),
        ({"sfm": {"matcher": "magic"}}, "matcher"),
        ({"sfm": {"matchr": "auto"}}, "'matchr'"),
        ({"uplaod_url": "x"}, "'upload_url'"),
        ({"params": {"iterations": {"a": 1}}}, "iterations"),
    ],
)
def test_fields_at_fault_are_named(change: dict[str, Any], words: str) -> None:
    error = refused(GOOD | change)
    assert isinstance(error, InputError)
    assert words in error.message + error.hint


def test_a_missing_field_is_named() -> None:
    assert "'upload_url' is missing" in refused({"image_urls": GOOD["image_urls"]}).message


@pytest.mark.parametrize("name", [name for name, field in Params.model_fields.items() if field.annotation is not bool])
def test_no_boolean_passes_for_a_number_or_text(name: str) -> None:
    error = refused(GOOD | {"params": {name: True}})
    assert isinstance(error, InvalidParam)
    assert f"'{name}" in error.message


@pytest.mark.parametrize("name", [name for name, field in Params.model_fields.items() if field.annotation is bool])
@pytest.mark.parametrize("value", [0, 1, "true", None, []])
def test_nothing_passes_for_a_boolean(name: str, value: int | list[Any] | str | None) -> None:
    assert isinstance(refused(GOOD | {"params": {name: value}}), InvalidParam)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)


@given(JSON)
@example({"image_urls": [], "upload_url": "x"})
def test_whatever_arrives_is_answered(data: object) -> None:
    refused_or_taken(data)


@given(st.sampled_from(sorted(Job.model_fields)), JSON)
def test_whatever_stands_in_a_field_is_answered(name: str, value: object) -> None:
    refused_or_taken(GOOD | {name: value})


@given(st.sampled_from(sorted(Params.model_fields)), JSON)
@example("iterations", 10**400)
@example("opacity_lr", 10**400)
@example("opacity_lr", float("1e400"))
@example("opacity_lr", -0.0)
def test_whatever_stands_in_a_param_is_answered(name: str, value: object) -> None:
    refused_or_taken(GOOD | {"params": {name: value}})


@given(st.dictionaries(st.text(max_size=200), JSON, max_size=5))
def test_whatever_a_param_is_called_is_answered(params: dict[str, Any]) -> None:
    refused_or_taken(GOOD | {"params": params})


NAUGHTY = [
    *("", "\0", "\n", "../" * 50, "%s%n", "${jndi:ldap://x}", "<script>", "'; DROP TABLE", "\ud800", "\U0001f4a9" * 99),
    *("\u202e", "\ufeff", "NaN", "null", "__proto__", "self", "model_fields", "-1e400", "0x10", "1_000", "--help"),
]


@pytest.mark.parametrize("text", NAUGHTY)
def test_naughty_strings(text: str) -> None:
    for job in (
        GOOD | {"project_id": text}, GOOD | {"upload_url": text}, GOOD | {text: 1}, GOOD | {"params": {text: 1}},
        GOOD | {"params": {"iterations": text}}, GOOD | {"sfm": {text: text}}, GOOD | {"webhook_secret": text},
        GOOD | {"params": {"optimizer_type": text}},
    ):  # fmt: skip
        refused_or_taken(job)


def test_deep_nesting() -> None:
    nested: object = 1
    for _ in range(900):
        nested = [nested]
    for job in (nested, GOOD | {"params": nested}, GOOD | {"params": {"save_iterations": nested}}):
        refused_or_taken(job)


def refused_or_taken(job: object) -> None:
    """A job, or one sentence with a code; never anything else, never a secret of the job."""
    try:
        parse(job)
    except SplatError as error:
        assert error.message.strip()
        assert "\n" not in error.message
        assert "Signature=abc" not in error.message + error.hint
        assert len(error.message) < 600
        assert error.code in ("invalid_job", "invalid_param", "unknown_param", "too_few_photos")


def test_the_senders_address_is_found_even_in_a_broken_job() -> None:
    assert caller_fields(GOOD | {"project_id": "p", "webhook_url": "https://w", "oops": 1}) == ("p", "https://w", None)
    assert caller_fields({"project_id": 7, "webhook_url": ["x"]}) == (None, None, None)
    assert caller_fields("x") == (None, None, None)


def test_the_platforms_wrapper_is_taken_off() -> None:
    assert read_input({"id": "a", "input": GOOD}) == GOOD
    assert read_input(GOOD) == GOOD


def test_a_job_may_name_every_camera_model_and_demand_as_many_photos_as_it_may_have() -> None:
    from splatworker.sfm.options import CAMERA_MODELS, MOST_REGISTERED

    assert [recipe({"sfm": {"camera_model": model}}).sfm.camera_model for model in CAMERA_MODELS] == [*CAMERA_MODELS]
    assert MOST_REGISTERED == MOST_PHOTOS


def test_a_recipe_needs_no_urls() -> None:
    assert recipe({"params": {"iterations": 5}}).params.iterations == 5
    with pytest.raises(UnknownParam):
        recipe({"params": {"iteration": 5}})
    with pytest.raises(InvalidJob):
        recipe({"upload_url": "x"})


def test_options_of_the_cameras_become_those_of_the_stage() -> None:
    told = recipe({"sfm": {"matcher": "retrieval", "min_share": 0.25, "min_registered": 3, "keep_frame": True}}).sfm
    words = ["--matcher", "retrieval", "--min-registered", "3", "--min-share", "0.25", "--keep-frame"]
    assert sorted(told.arguments()) == sorted(words)
    assert recipe({"sfm": {"keep_frame": False}}).sfm.arguments() == []
    with pytest.raises(InvalidJob, match="min_share"):
        recipe({"sfm": {"min_share": 1.5}})


def test_what_is_to_be_delivered() -> None:
    assert parse(GOOD).subject == "scene"
    assert parse({**GOOD, "subject": "object"}).subject == "object"
    with pytest.raises(InvalidJob, match="'subject'"):
        parse({**GOOD, "subject": "person"})


def test_masks_are_one_for_each_photo_or_null() -> None:
    masks = [None, *["https://photos.example/mask.png"] * 5]
    job = parse(GOOD | {"mask_urls": masks, "mask_mode": "cutout", "invert_masks": True})
    assert (job.mask_urls, job.mask_mode, job.invert_masks) == (masks, "cutout", True)
    nothing: dict[str, Any]
    for nothing in ({}, {"mask_urls": None}, {"mask_urls": []}):
        job = parse(GOOD | nothing)
        assert (job.mask_urls, job.mask_mode, job.invert_masks) == ([], "auto", False)
    with pytest.raises(InvalidJob, match="'mask_urls' has 2 entries, and 'image_urls' 6") as caught:
        parse(GOOD | {"mask_urls": [None, None]})
    with pytest.raises(InvalidJob, match="'mask_urls' has 1 entry, and"):
        parse(GOOD | {"mask_urls": [None]})
    with pytest.raises(TooFewPhotos, match="has 1 photo; at least 5"):
        parse(GOOD | {"image_urls": GOOD["image_urls"][:1]})
    film = {name: value for name, value in GOOD.items() if name != "image_urls"} | {
        "video_url": "https://v.example/a.mp4"
    }
    with pytest.raises(InvalidJob, match="masks are of photos, not of videos"):
        parse(film | {"mask_urls": ["https://m.example/1.png"]})
    with pytest.raises(InvalidJob, match=r"should be 'auto', 'ignore' or 'cutout' \(it is null\)"):
        parse(GOOD | {"mask_mode": None})
    assert "null" in caught.value.hint


@pytest.mark.parametrize(
    "bad", [{"mask_urls": [7] * 6}, {"mask_urls": "a"}, {"mask_mode": "cut"}, {"mask_mode": None}, {"invert_masks": 1}]
)
def test_masks_that_are_none_are_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(InvalidJob, match=next(iter(bad))):
        parse(GOOD | bad)
