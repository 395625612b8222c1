"""The JSON Schema of a job takes what the worker takes as it is, and explains every field."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from pydantic import BaseModel

from splatworker.contract.job import Job, parse
from splatworker.contract.param_limits import MOMENTS
from splatworker.contract.params import Params
from splatworker.contract.schema import job_schema
from splatworker.contract.stage_sections import JobSfmOptions, JobVideoOptions
from splatworker.errors import SplatError

GOOD = {
    "image_urls": [f"https://photos.example/{number}.jpg" for number in range(6)],
    "upload_url": "https://store.example/a.ply",
}
ROOT = Path(__file__).parents[2]
SCHEMA = job_schema()
VALUES = [
    *(
        None,
        True,
        False,
        0,
        1,
        2,
        3,
        4,
        5,
        8,
        16,
        31,
        32,
        64,
        256,
        320,
        501,
        7000,
        7000.0,
        7000.5,
        8193,
        200_001,
        10**9,
    ),
    *(-1, -2, -0.5, 0.0, 1e-9, 0.5, 0.95, 1.0, 1.5, 65.0, 101.0, "", "x", "auto", "OPENCV", "FULL_OPENCV", "revised"),
    *("original", "cpu", "sparse_adam", "7000", "x" * 2000, "x" * 9000, [], [1], [1.0], [0], [0.5], [200_001], ["a"]),
    *([None], [2] * 101, {}, {"sog": "https://store.example/a.sog"}, {"sog": 1}, {"nonsense": "x"}),
]


def taken_by_schema(job: dict[str, Any]) -> bool:
    return bool(jsonschema.Draft202012Validator(SCHEMA).is_valid(job))


def taken_as_it_is(job: dict[str, Any]) -> bool:
    try:
        return not parse(job).notes
    except SplatError:
        return False


def test_it_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def described(schema: dict[str, Any], name: str) -> None:
    for field, what in schema["properties"].items():
        assert what.get("description") or "$ref" in what, f"{name}.{field}"


def test_every_field_is_explained() -> None:
    described(SCHEMA, "job")
    assert {"Params", "JobSfmOptions", "JobVideoOptions"} == SCHEMA["$defs"].keys()
    for name, section in SCHEMA["$defs"].items():
        described(section, name)
    assert SCHEMA["$defs"]["Params"]["properties"].keys() == Params.model_fields.keys()


@pytest.mark.parametrize("section", ["params", "sfm", "video", ""])
def test_what_the_schema_takes_the_worker_takes_as_it_is_and_nothing_else(section: str) -> None:
    models: dict[str, type[BaseModel]] = {"params": Params, "sfm": JobSfmOptions, "video": JobVideoOptions, "": Job}
    model = models[section]
    names = [*model.model_fields, *([] if section else ["schedule", "preview"]), "nonsense"]
    taken = 0
    for name in names:
        for value in VALUES:
            if value == [200_001] and name in MOMENTS:
                continue  # left out, without a word
            if name == "mask_urls" and isinstance(value, list) and len(value) not in (0, len(GOOD["image_urls"])):
                continue  # one for each photo: no schema can say how many that are
            job = GOOD | ({section: {name: value}} if section else {name: value})
            assert taken_by_schema(job) == taken_as_it_is(job), f"{section} {name} = {value!r:.80}"
            taken += taken_as_it_is(job)
    assert taken > 2 * (len(names) - 1)


def test_the_example_is_taken() -> None:
    jsonschema.validate(json.loads((ROOT / "test_input.json").read_text())["input"], SCHEMA)


@pytest.mark.parametrize("preset", json.loads((ROOT / "bench" / "presets.json").read_text()).values())
def test_presets_in_the_wild_are_taken(preset: dict[str, Any]) -> None:
    jsonschema.validate(GOOD | {"params": preset}, SCHEMA)
