"""A job's fields, made from what the stages declare of their options (`stages.options`): types, ranges, defaults."""

from __future__ import annotations

from collections.abc import Sequence
from types import GenericAlias
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from splatworker.stages.options import Declared, Range, declared


def whole(value: object) -> object:
    """A whole number that came with a point, as an integer: 7000.0 is 7000."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def known_to_jobs(options: Sequence[type], groups: Sequence[str] = ("",)) -> tuple[Declared, ...]:
    """The options that a job may name, in the order of their headings."""
    found = [known for each in options for known in declared(each) if known.option.job is not None]
    return tuple(sorted(found, key=lambda known: groups.index(known.option.group)))


def fields_of(options: Sequence[Declared]) -> dict[str, tuple[Any, Any]]:
    """The fields of a pydantic model, as `pydantic.create_model` takes them."""
    return {known.name: (_type_of(known), _field_of(known)) for known in options}


def explanation_of(known: Declared) -> str:
    """What an option is, and when to change it."""
    job = known.option.job
    assert job is not None
    default = f"By default {known.default}." if job.null and known.default else ""
    return " ".join(part for part in (known.option.help, known.option.advice, default) if part)


def description_of(known: Declared) -> str:
    """What an option is, with what a table has columns for besides its range and default."""
    sentences = [explanation_of(known)]
    if known.option.unit:
        sentences.append(f"Unit: {known.option.unit}.")
    if known.option.job and known.option.job.clamped:
        sentences.append("More than the maximum becomes the maximum, with a warning.")
        if known.option.whose == "original":
            sentences.append("Less than the minimum is left out, with a warning.")
    if known.option.whose == "ours":
        sentences.append("Unknown to the original trainer.")
    return " ".join(sentences)


def _field_of(known: Declared) -> Any:
    default = known.job_default
    made: Any = Field(default=list(default) if known.is_list else default, description=description_of(known))
    return made


def _type_of(known: Declared) -> Any:
    """The type with its limits. Constraints stand before `whole`, so that the JSON Schema has them, too."""
    job = known.option.job
    assert job is not None
    kind: Any = known.kind
    if known.is_list:
        (entry,) = kind.__args__
        entries: Any = GenericAlias(list, (_number(entry, known.job_range),))
        kind = Annotated[entries, Field(min_length=job.shortest, max_length=job.longest)]
    elif kind in (int, float):
        kind = _number(kind, known.job_range)
    elif kind is not bool and not known.choices:  # a text or a path
        kind = Annotated[str, Field(max_length=job.longest)]
    return kind | None if job.null else kind


def _number(kind: Any, limits: Range) -> Any:
    least, most = limits.at_least, limits.at_most
    if limits.or_one_of and least is not None:
        least = min(least, *limits.or_one_of)
    # pydantic's messages quote the limit: of the number's own type
    least, above, most = (kind(end) if end is not None else None for end in (least, limits.above, most))
    limited: Any = Annotated[kind, Field(ge=least, gt=above, le=most)]
    return Annotated[limited, BeforeValidator(whole)] if kind is int else limited
