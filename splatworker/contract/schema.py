"""The JSON Schema of a job, made from its model: for products that check what their users ask for, and for editors.

A job that the schema takes is taken as it is, if only it has as many masks as photos, or none. A few that it refuses
are taken as well (`param_limits`): with a warning, numbers above their maximum where the most is meant; and lists of
iterations, less those that no training reaches.
"""

from __future__ import annotations

from typing import Any

from pydantic.json_schema import GenerateJsonSchema

from splatworker.contract.job import BESIDE_PARAMS, Job
from splatworker.contract.params import DECLARED
from splatworker.photos.enough_photos import FEWEST_PHOTOS

NULL = {"type": "null"}
INPUTS = ("image_urls", "video_url", "video_urls")
"""Fields of which a job must have one."""
NULL_IS_NOTHING_SAID = ("params", "sfm", "video", "outputs", "video_urls", "mask_urls")
"""Fields whose null means that they are not given."""


class _WithoutTitles(GenerateJsonSchema):
    """A field's name and description say it all."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


def job_schema() -> dict[str, Any]:
    """The schema of a job's input, as JSON Schema 2020-12."""
    schema = Job.model_json_schema(schema_generator=_WithoutTitles)
    properties = schema["properties"]
    params = schema["$defs"]["Params"]["properties"]
    for known in DECLARED:
        limits = known.job_range
        if limits.or_one_of:  # pydantic knows both ends alone
            field = params[known.name]
            span = {"minimum": limits.at_least, "maximum": field.pop("maximum")}
            del field["minimum"]
            field["anyOf"] = [{"enum": list(limits.or_one_of)}, span]
    for name in NULL_IS_NOTHING_SAID:
        field = properties[name]
        said = {key: field.pop(key) for key in list(field) if key not in ("description", "default")}
        field["anyOf"] = [said, NULL]
    for name in BESIDE_PARAMS:
        properties[name] = {"$ref": f"#/$defs/Params/properties/{name}"}
    schema["properties"] = {name: properties[name] for name in sorted(properties, key=_order)}
    schema["anyOf"] = [
        {"required": ["image_urls"], "properties": {"image_urls": {"type": "array", "minItems": FEWEST_PHOTOS}}},
        {"required": ["video_url"], "properties": {"video_url": {"type": "string"}}},
        {"required": ["video_urls"], "properties": {"video_urls": {"type": "array", "minItems": 1}}},
    ]
    head = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Job",
        "description": "The input of a job of splatworker: photos or videos in, a Gaussian splat out. "
        '{"self_test": true} alone is a job, too: a splat of the example photos.',
    }
    return head | {name: value for name, value in schema.items() if name not in head}


def _order(name: str) -> tuple[bool, bool]:
    """What a job must say first, then what it may, and last what belongs into `params`."""
    field = Job.model_fields.get(name)
    first = name in INPUTS or (field is not None and field.is_required())
    return name in BESIDE_PARAMS, not first
