"""Why a job is refused, in one sentence for people: the field at fault, what is wrong, what to write instead."""

from __future__ import annotations

import difflib
import json
import math
from collections.abc import Mapping

from pydantic import BaseModel, ValidationError

from splatworker.contract.params import Params
from splatworker.errors import InputError, InvalidJob, InvalidParam, UnknownParam
from splatworker.network.redact import redact

LONGEST_QUOTED = 32
"""Letters of a number in quotes that a hint repeats."""

_WORDS = {"model_type": "should be an object, {...}", "dict_type": "should be an object, {...}"}
"""What pydantic says in Python's words, in JSON's, by the kind of fault."""


def explain(error: ValidationError, sections: Mapping[str, type[BaseModel]], whole: type[BaseModel]) -> InputError:
    """The first fault of a job as an error for people.

    Args:
        sections: the models of the fields that hold more fields, by name.
        whole: the job's own.
    """
    # An unknown name is the likeliest cause of whatever else is wrong.
    faults = sorted(error.errors(include_url=False), key=lambda fault: fault["type"] != "extra_forbidden")
    fault = faults[0]
    where = [str(part) for part in fault["loc"]]
    section = sections.get(where[0] if where else "", whole)
    names = where[1:] if section is not whole else where
    name = shown(".".join(names))
    in_params = section is Params and bool(names)
    if fault["type"] == "extra_forbidden":
        return unknown_name(names[-1], section, name)
    refused: type[InputError] = InvalidParam if in_params else InvalidJob
    field = f"param '{name}'" if in_params else f"field '{shown('.'.join(where))}'"
    if fault["type"] == "missing":
        return refused(f"The {field} is missing.", hint="See the README for an example of a job.")
    reason = _WORDS.get(fault["type"]) or fault["msg"].removeprefix("Value error, ").removeprefix("Input ")
    value = fault["input"]
    written = (
        f" (it is {_as_json(value)})" if isinstance(value, int | float | bool | None) and abs(value or 0) < 1e30 else ""
    )
    hint = _unquoted_hint(value, fault["type"]) or _default_hint(section, names)
    return refused(f"The {field} is not valid: {_lower_first(reason)}{written}.", hint=hint)


def _as_json(value: float | None) -> str:
    """As its sender has written it: null and true, not None and True."""
    return repr(value) if isinstance(value, float) else json.dumps(value)


def unknown_name(name: str, section: type[BaseModel], shown_as: str | None = None) -> InputError:
    """That there is no such field or param, and which there is."""
    kind, what = (UnknownParam, "param") if section is Params else (InvalidJob, "field")
    return kind(f"The {what} '{shown_as or shown(name)}' is not known.", hint=_nearest(name, section))


def shown(name: str) -> str:
    """A name that a stranger chose, fit to stand in a sentence."""
    printable = name[:100].encode("unicode_escape").decode() if not name[:100].isprintable() else name[:100]
    return redact(printable)


def _nearest(name: str, section: type[BaseModel]) -> str:
    if section is not Params and name in Params.model_fields:
        return "It is a param: put it into 'params'."
    near = difflib.get_close_matches(name[:100], section.model_fields, n=1)
    return f"Did you mean '{near[0]}'?" if near else "See docs/parameters.md for the names that are known."


def _unquoted_hint(value: object, fault: str) -> str:
    """How to write a number or a switch that came in quotes; nothing for anything else."""
    if not isinstance(value, str) or len(value) > LONGEST_QUOTED:
        return ""
    try:
        meant = json.loads(value.strip().lower())
    except ValueError:
        return ""
    wanted = {"bool_type": bool, "int_type": int | float, "float_type": int | float}.get(fault)
    if wanted is None or not isinstance(meant, wanted) or isinstance(meant, bool) != (wanted is bool):
        return ""
    if isinstance(meant, float) and not math.isfinite(meant):
        return ""
    return f'Write it without quotes: {json.dumps(meant)}, not "{json.dumps(meant)}".'


def _default_hint(section: type[BaseModel], names: list[str]) -> str:
    field = section.model_fields.get(names[0]) if section is Params and names else None
    if field is None:
        return ""
    default = field.get_default()
    return f"The default is {_as_json(default) if isinstance(default, bool) else repr(default)}."


def _lower_first(text: str) -> str:
    return text[:1].lower() + text[1:]
