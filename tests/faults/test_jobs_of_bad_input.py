"""Whatever stands in a job, the handler answers with one sentence, as JSON, and nothing is started for it."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from support.jobs import do, local_job, write_photos
from support.traces import Traces

import handler
from splatworker.contract.job import Job
from splatworker.contract.params import Params
from splatworker.contract.stage_sections import JobSfmOptions

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=10,
)

GOOD = {
    "image_urls": [f"https://photos.example/{number}.jpg?X-Amz-Signature=5ECR3T" for number in range(4)],
    "upload_url": "https://store.example/a.ply?X-Amz-Signature=5ECR3T",
}
"""A job that is well formed, and one photo short of being done: whatever is changed, it is refused."""

FIELDS = st.sampled_from(sorted(Job.model_fields.keys() - {"image_urls", "webhook_url"}))

SCHEMA = st.one_of(
    JSON,
    st.builds(lambda name, value: GOOD | {name: value}, FIELDS, JSON),
    st.builds(lambda name, value: GOOD | {"params": {name: value}}, st.sampled_from(sorted(Params.model_fields)), JSON),
    st.builds(
        lambda name, value: GOOD | {"sfm": {name: value}}, st.sampled_from(sorted(JobSfmOptions.model_fields)), JSON
    ),
    st.builds(lambda params: GOOD | {"params": params}, st.dictionaries(st.text(max_size=50), JSON, max_size=4)),
)


@pytest.fixture
def good(tmp_path: Path, traces: Traces) -> Iterator[None]:
    """A good job, which must succeed after whatever the test does."""
    job = local_job(write_photos(tmp_path / "photos"), tmp_path / "a.ply")
    yield
    assert do(job)["status"] == "success"


def is_answered(job: object) -> None:
    answer = asyncio.run(handler.handler({"id": "job-1", "input": job}))
    assert answer["status"] == "error"
    assert answer["code"] in ("invalid_job", "invalid_param", "unknown_param", "too_few_photos")
    assert isinstance(answer["error"], str)
    assert answer["error"].strip()
    assert "\n" not in answer["error"]
    text = json.dumps(answer, allow_nan=False)
    assert "5ECR3T" not in text


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(SCHEMA)
@example(GOOD | {"params": {"iterations": math.nan}})
@example(GOOD | {"params": {"opacity_lr": float("1e400")}})
@example(GOOD | {"params": {"opacity_lr": 10**400}})
@example(GOOD | {"params": {"iterations": True}})
@example(GOOD | {"params": {"save_iterations": [True]}})
@example(GOOD | {"deadline_s": True})
@example(GOOD | {"project_id": math.inf})
def test_whatever_arrives_is_answered(good: None, job: dict[str, Any]) -> None:
    is_answered(job)


NAUGHTY = [
    *("", "\0", "\n", "../" * 50, "%s%n", "${jndi:ldap://x}", "<script>", "'; DROP TABLE", "\ud800", "\U0001f4a9" * 99),
    *("\u202e", "\ufeff", "NaN", "null", "__proto__", "self", "model_fields", "-1e400", "0x10", "1_000", "--help"),
    *("a" * 100_000, "https://a.example/?X-Amz-Signature=5ECR3T", "whsec_5ECR3T", "\x1b[31m", "file:///etc/passwd"),
]


def test_naughty_strings_and_deep_nesting(good: None) -> None:
    for text in NAUGHTY:
        jobs: tuple[object, ...] = (
            GOOD | {"project_id": text}, GOOD | {"upload_url": text}, GOOD | {text: 1}, GOOD | {"params": {text: 1}},
            GOOD | {"params": {"iterations": text}}, GOOD | {"sfm": {text: text}}, GOOD | {"webhook_secret": text},
            GOOD | {"params": {"optimizer_type": text}}, GOOD | {"outputs": {text: text}}, GOOD | {"trainer": text},
            GOOD | {"image_urls": [text] * 4}, {"image_urls": text, "upload_url": text}, text,
        )  # fmt: skip
        for job in jobs:
            is_answered(job)
    nested: object = 1
    for _ in range(900):
        nested = [nested]
    for nest in (nested, GOOD | {"params": nested}, GOOD | {"params": {"save_iterations": nested}}):
        is_answered(nest)


def test_whatever_stands_around_the_input_is_answered(good: None) -> None:
    events: tuple[dict[str, Any], ...] = (
        {},
        {"id": None},
        {"id": 7, "input": None},
        {"id": "x" * 10_000, "input": []},
        {"input": {"input": {}}},
    )
    for event in events:
        answer = asyncio.run(handler.handler(event))
        assert answer["status"] == "error"
        assert answer["code"] == "invalid_job"
