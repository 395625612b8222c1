"""An option of a stage, said once: what there is to say of it besides its name, type and default.

A stage's options are the fields of a dataclass, and a field's type carries an `Option`:

    lambda_dssim: Annotated[float, Option("The share of structural similarity in the loss.", Range(0, 1))] = 0.2

From it come the command line with its `--help` (`add_options`) and the checks of ranges (`demand_valid`); and, by
`contract.declared`, the field of a job with its checks, the job's JSON Schema and the tables of docs/parameters.md.
"""

from __future__ import annotations

import argparse
import functools
import math
import types
from collections.abc import Callable
from dataclasses import KW_ONLY, MISSING, dataclass, fields
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from splatworker.stages.path_arguments import a_path

SAME: Any = object()
"""A job's default is the command line's."""


@dataclass(frozen=True)
class Range:
    """Numbers that an option may be; of a list, its entries. An end that is None is open.

    Attributes:
        at_least, at_most: ends that belong to it.
        above, below: ends that do not.
        or_one_of: numbers with a meaning of their own, beside the range.
    """

    at_least: float | None = None
    at_most: float | None = None
    above: float | None = None
    below: float | None = None
    or_one_of: tuple[int, ...] = ()

    def __contains__(self, value: float) -> bool:
        return value in self.or_one_of or (
            (self.at_least is None or value >= self.at_least)
            and (self.at_most is None or value <= self.at_most)
            and (self.above is None or value > self.above)
            and (self.below is None or value < self.below)
        )

    @property
    def words(self) -> str:
        """As in "must be above 0 and at most 1"; empty where everything is allowed."""
        if (self.above, self.below, self.at_most) == (0, None, None):
            ends = ["positive"]
        else:
            ends = [
                f"{what} {plain(end)}"
                for what, end in (
                    ("at least", self.at_least),
                    ("above", self.above),
                    ("at most", self.at_most),
                    ("below", self.below),
                )
                if end is not None
            ]
        return " or ".join([*map(str, self.or_one_of), *([" and ".join(ends)] if ends else [])])

    @property
    def cell(self) -> str:
        """As in a table: "1 to 200000"."""
        low, high = (plain(end) if end is not None else "" for end in (self.at_least, self.at_most))
        span = f"{low} to {high}" if low and high else f"above {plain(self.above or 0)}, to {high}"
        return ", ".join([*map(str, self.or_one_of), f"or {span}" if self.or_one_of else span])

    def fault(self, value: float) -> str:
        """What the value must be and is not; empty where it is. Of two closed ends, the one that it is beyond."""
        if isinstance(value, float) and not math.isfinite(value):
            return "finite"
        if value in self:
            return ""
        if self.at_least is None or self.at_most is None or self.or_one_of:
            return self.words
        return f"at least {plain(self.at_least)}" if value < self.at_least else f"at most {plain(self.at_most)}"


WHOLE = Range(at_least=-(2**31), at_most=2**31 - 1)
"""Whole numbers of any option, beside its own range: what COLMAP, the kernels and numpy's arrays count with."""

ANY = Range()
NATURAL = Range(at_least=0)
COUNT = Range(at_least=1)
SHARE = Range(at_least=0, at_most=1)


@dataclass(frozen=True)
class InJob:
    """What a job may say of an option: less than a command line may, since strangers send it.

    Attributes:
        range: instead of the command line's.
        default: what is meant by a job that does not name it.
        longest: entries of a list, or letters of a text, at most.
        shortest: entries of a list, at least.
        null: null is taken, and means the command line's default.
        clamped: more than there is becomes the most there is, with a warning; of an option of the original trainer
            less than there is says nothing, also with one.
        obeyed: False for a folder on the machine, which is the worker's business: accepted, for those who send it.
    """

    range: Range | None = None
    _: KW_ONLY
    default: Any = SAME
    longest: int | None = None
    shortest: int | None = None
    null: bool = False
    clamped: bool = False
    obeyed: bool = True


@dataclass(frozen=True)
class Option:
    """What is said of a field.

    Attributes:
        help: what it is, in sentences.
        range: of a number.
        advice: what else somebody who writes a job should know: when to change it, and what its absence means.
        unit: of the number.
        whose: who knows it: the original trainer, or ours alone.
        group: the heading that it stands under.
        short: its short form, such as "-s".
        required: a command line must give it, for a field without a default.
        job: None where jobs do not know it.
    """

    help: str
    range: Range = ANY
    _: KW_ONLY
    advice: str = ""
    unit: str = ""
    whose: Literal["original", "ours"] = "original"
    group: str = ""
    short: str = ""
    required: bool = True
    job: InJob | None = None


@dataclass(frozen=True)
class Declared:
    """An option with its name, type and default (`dataclasses.MISSING` where there is none)."""

    name: str
    kind: Any
    default: Any
    option: Option

    @property
    def choices(self) -> tuple[str, ...]:
        """The texts that it may be; none where any may."""
        return get_args(self.kind) if get_origin(self.kind) is Literal else ()

    @property
    def is_list(self) -> bool:
        """Whether it is several numbers."""
        return get_origin(self.kind) is list

    @property
    def job_default(self) -> Any:
        """The default in a job."""
        job = self.option.job
        return self.default if job is None or job.default is SAME else job.default

    @property
    def job_range(self) -> Range:
        """The range in a job."""
        job = self.option.job
        return self.option.range if job is None or job.range is None else job.range


@functools.cache
def declared(options: type) -> tuple[Declared, ...]:
    """The options of a dataclass in their order; fields without an `Option` are none."""
    hints = get_type_hints(options, include_extras=True)
    found = []
    for field in fields(options):
        kind, *metadata = get_args(hints[field.name]) if get_origin(hints[field.name]) is Annotated else (Any,)
        for option in metadata:
            if isinstance(option, Option):
                made = field.default_factory() if field.default_factory is not MISSING else field.default
                found.append(Declared(field.name, kind, made, option))
    return tuple(found)


def demand_valid(options: Any, *, dashes: bool = False) -> None:
    """Check every number's range and every choice of a dataclass of options; of a list, its entries'.

    Raises:
        ValueError: the first that is not valid, by its name on the command line.
    """
    for known in declared(options.__class__):
        value = getattr(options, known.name)
        name = _long(known.name, dashes=dashes)
        if known.choices and value not in known.choices:
            raise ValueError(f"{name} must be {listed(known.choices)} (invalid choice: {value!r})")
        kind = get_args(known.kind)[0] if known.is_list else known.kind
        if kind not in (int, float):
            continue
        for number in value if known.is_list else [value]:
            fault = known.option.range.fault(number) or (WHOLE.fault(number) if kind is int else "")
            if fault:
                raise ValueError(f"{name} must be {fault}")


def add_options(parser: argparse._ActionsContainer, options: type, *, dashes: bool = False) -> None:
    """Add a dataclass's options to a command line, under their groups' headings.

    Args:
        parser: gets them.
        options: the dataclass.
        dashes: `--min-share` for `min_share`; else the name as it is.
    """
    groups: dict[str, argparse._ActionsContainer] = {"": parser}
    for known in declared(options):
        if known.option.group not in groups:
            groups[known.option.group] = parser.add_argument_group(known.option.group.lower())
        add_option(groups[known.option.group], known, dashes=dashes)


def add_option(
    parser: argparse._ActionsContainer,
    known: Declared,
    *,
    dashes: bool = False,
    as_in_job: bool = False,
    **changes: Any,
) -> None:
    """Add one option to a command line.

    Args:
        parser: gets it.
        known: the option.
        dashes: as for `add_options`.
        as_in_job: its value goes into a job, whose range counts.
        **changes: arguments of `add_argument` that shall be others, such as a default of None for "not given".
    """
    names = [*([known.option.short] if known.option.short else []), _long(known.name, dashes=dashes)]
    how: dict[str, Any] = {"help": _help(known, known.job_range if as_in_job else known.option.range)}
    if known.kind is bool:
        how |= {"action": "store_true", "default": False}
    else:
        how |= {"type": _parser_of(known.kind), "metavar": _metavar(known)}
        if known.default is MISSING:
            how["required"] = known.option.required
        else:
            how["default"] = list(known.default) if known.is_list else known.default
        if known.is_list:
            how["nargs"] = "+"
    parser.add_argument(*names, **how | changes)


def whole_number(limits: Range) -> Callable[[str], int]:
    """Argparse's `type` of a whole number that belongs to no declared option."""

    def number(text: str) -> int:
        value = int(text)
        if fault := limits.fault(value) or WHOLE.fault(value):
            raise argparse.ArgumentTypeError(f"must be {fault}")
        return value

    number.__name__ = "int"  # argparse's word for what is none
    return number


def add_max_size(parser: argparse.ArgumentParser) -> None:
    """Add `--max-size`, which stages that write photos take: 0 unless it is given."""
    parser.add_argument(
        "--max-size",
        type=whole_number(NATURAL),
        metavar="N",
        default=0,
        help="shrink to this longest side in pixels; 0: do not",
    )


def plain(number: float) -> str:
    """A number as people write it: 200000, 0.5, 1."""
    return f"{number:.0f}" if number == int(number) else f"{number:g}"


def listed(names: tuple[str, ...]) -> str:
    """As in "auto, cpu or cuda"."""
    return " or ".join([*([", ".join(names[:-1])] if names[:-1] else []), names[-1]])


def _long(name: str, *, dashes: bool) -> str:
    return "--" + (name.replace("_", "-") if dashes else name)


def _parser_of(kind: Any) -> Any:
    """What argparse makes a value of its text with."""
    if get_origin(kind) is Literal:
        return str
    one = get_args(kind)[0] if get_origin(kind) in (list, Union, types.UnionType) else kind
    return a_path if one is Path else one


def _metavar(known: Declared) -> str:
    if known.choices:
        return "{" + ",".join(known.choices) + "}"
    return {int: "N", float: "X", a_path: "PATH"}.get(_parser_of(known.kind), "TEXT")


def _help(known: Declared, limits: Range) -> str:
    """The line of `--help`: what it is, then unit, range and default."""
    default = " ".join(map(str, known.default)) if known.is_list else known.default
    job = known.option.job
    not_given = job is not None and job.null and not default  # 0 stands for it, and the help says what is done then
    said = known.kind is not bool and default not in (MISSING, None, "") and not not_given
    facts = [
        *([known.option.unit] if known.option.unit else []),
        *([limits.words] if limits.words else []),
    ]
    notes = [*([", ".join(facts)] if facts else []), *([f"default {default}"] if said else [])]
    text = f"{known.option.help} ({'; '.join(notes)})" if notes else known.option.help
    return text.replace("`", "").replace("%", "%%")
