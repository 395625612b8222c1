"""An option declared once: its command line, its checks, its field in a job and its line in a table."""

from __future__ import annotations

import argparse
import math
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, ConfigDict, ValidationError, create_model

from splatworker.contract import reference
from splatworker.contract.declared import fields_of, known_to_jobs
from splatworker.stages.options import NATURAL, SHARE, InJob, Option, Range, add_options, declared, demand_valid

TOY_HELP = "How much of the paint is blue; 50 % is plenty."


@dataclass
class Toy:
    blueness: Annotated[
        float,
        Option(
            TOY_HELP,
            Range(at_least=0, below=1),
            advice="More for skies.",
            unit="shares",
            whose="ours",
            job=InJob(Range(0, 0.5), default=0.25),
        ),
    ] = 0.1
    coats: Annotated[int, Option("Coats of paint.", Range(1, 9), job=InJob(Range(1, 5)))] = 2
    leaves: Annotated[int, Option("Sheets of gold.")] = 0
    dry_after: Annotated[list[int], Option("Minutes.", NATURAL, job=InJob(Range(1, 60), longest=3))] = field(
        default_factory=lambda: [5]
    )
    brush: Annotated[Literal["flat", "round"], Option("Its shape.", short="-b", job=InJob())] = "flat"
    glossy: Annotated[bool, Option("Shine.", job=InJob())] = False
    drops: Annotated[int, Option("Drops of red, by default none.", Range(0, 9), job=InJob(default=None, null=True))] = 0
    at_home: Annotated[str, Option("Jobs do not know it.")] = ""
    no_option: int = 3

    def __post_init__(self) -> None:
        demand_valid(self)


@pytest.fixture
def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser()
    add_options(parser, Toy)
    return parser


def test_a_command_line_with_help(parser: argparse.ArgumentParser) -> None:
    given = vars(parser.parse_args(["--blueness", "0.3", "--dry_after", "1", "2", "-b", "round", "--glossy"]))
    assert Toy(**given) == Toy(0.3, 2, 0, [1, 2], "round", True)
    assert Toy(**vars(parser.parse_args([]))) == Toy()
    words = " ".join(parser.format_help().split())
    assert f"{TOY_HELP} (shares, at least 0 and below 1; default 0.1)" in words
    assert re.search(r"-b( \{flat,round\})?, --brush \{flat,round\}", words)  # Python 3.13 says choices once
    assert "Drops of red, by default none. (at least 0 and at most 9)" in words  # not: default 0
    assert "no_option" not in words


def test_parsed_lists_are_no_ones_default(parser: argparse.ArgumentParser) -> None:
    parser.parse_args([]).dry_after.append(1)
    assert Toy().dry_after == [5]
    other = argparse.ArgumentParser()
    add_options(other, Toy)
    assert other.parse_args([]).dry_after == [5]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"blueness": 1.0}, "--blueness must be at least 0 and below 1"),
        ({"blueness": math.nan}, "--blueness must be finite"),
        ({"coats": 0}, "--coats must be at least 1"),
        ({"coats": 10}, "--coats must be at most 9"),
        ({"brush": "wide"}, "--brush must be flat or round (invalid choice: 'wide')"),
        ({"leaves": 2**31}, "--leaves must be at most 2147483647"),
        ({"leaves": -(2**31) - 1}, "--leaves must be at least -2147483648"),
        ({"leaves": 10**400}, "--leaves must be at most 2147483647"),
        ({"dry_after": [5, 2**31]}, "--dry_after must be at most 2147483647"),
        ({"dry_after": [5, -1]}, "--dry_after must be at least 0"),
    ],
)
def test_ranges_and_choices_are_checked(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError) as caught:
        Toy(**wrong)
    assert str(caught.value) == said


@pytest.mark.parametrize(
    "words",
    [
        *(["photos", "in", "-o", "out", "--max-size", "-5"], ["photos", "in", "-o", "out", "--jobs", str(10**30)]),
        *(["frames", "in", "-o", "out", "--max-size", str(2**31)], ["frames", "in", "-o", "out", "--most", "-1"]),
        *(
            ["frames", "in", "-o", "out", "--jobs", "-1"],
            ["view", "out", "--port", "65536"],
            ["view", "out", "--port", "-1"],
        ),
    ],
    ids=" ".join,
)
def test_whole_numbers_of_commands_that_no_stage_declares(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Photos shrunk to -5 pixels were told to be damaged."""
    from splatworker import cli

    with pytest.raises(SystemExit) as ended:
        cli.main(words)
    assert ended.value.code == 2
    assert re.search(r"argument --[a-z-]+: must be at (least|most) \d+$", capsys.readouterr().err.strip())


def test_a_jobs_field() -> None:
    fields: dict[str, Any] = dict(fields_of(known_to_jobs((Toy,))))
    made: Any = create_model("Made", __base__=Strict, **fields)
    assert made().model_dump() == {"blueness": 0.25, "coats": 2, "dry_after": [5], "brush": "flat",
                                   "glossy": False, "drops": None}  # fmt: skip
    assert made(coats=3.0).coats == 3
    for wrong in ({"blueness": 0.6}, {"coats": 6}, {"coats": 1.5}, {"coats": True}, {"dry_after": [61]},
                  {"dry_after": [1, 2, 3, 4]}, {"brush": "wide"}, {"glossy": 1}, {"at_home": "x"}):  # fmt: skip
        with pytest.raises(ValidationError):
            made(**wrong)
    field = made.model_json_schema()["properties"]["blueness"]
    assert (field["minimum"], field["maximum"], field["default"]) == (0, 0.5, 0.25)
    assert field["description"] == f"{TOY_HELP} More for skies. Unit: shares. Unknown to the original trainer."


class Strict(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")


def test_a_line_of_a_table() -> None:
    lines = reference.options_table(known_to_jobs((Toy,))).splitlines()
    assert lines[2] == f"| `blueness` | 0.25 | 0 to 0.5 | shares | ours | {TOY_HELP} More for skies. |"
    assert len(lines) == 2 + 6


@pytest.mark.parametrize(
    ("limits", "inside", "outside", "words"),
    [
        (SHARE, [0, 0.5, 1], [-0.1, 1.1], "at least 0 and at most 1"),
        (Range(above=0), [1e-9, 5], [0, -1], "positive"),
        (Range(above=0, or_one_of=(-1,)), [-1, 7], [0, -2], "-1 or positive"),
        (
            Range(at_least=32, at_most=64, or_one_of=(1, 2)),
            [1, 2, 32, 64],
            [3, 65],
            "1 or 2 or at least 32 and at most 64",
        ),
        (Range(), [0, -5], [], ""),
    ],
)
def test_a_range(limits: Range, inside: list[Any], outside: list[Any], words: str) -> None:
    assert all(value in limits and not limits.fault(value) for value in inside)
    assert all(value not in limits and limits.fault(value) for value in outside)
    assert limits.words == words


def test_every_whole_number_of_the_stages_is_bounded() -> None:
    """On a command line and in a job: what is larger than any count would overflow somewhere inside."""
    from splatworker.contract.params import DECLARED
    from splatworker.contract.stage_sections import SFM, VIDEO
    from splatworker.sfm.options import SfmOptions
    from splatworker.train.options import Options
    from splatworker.video.options import VideoOptions

    needed: dict[type, dict[str, Any]] = {Options: {"source_path": Path("s"), "model_path": Path("m")}}
    for options in (SfmOptions, Options, VideoOptions):
        for known in declared(options):
            if known.kind in (int, list[int]):
                for huge in (2**31, 10**400):
                    value = [huge] if known.is_list else huge
                    with pytest.raises(ValueError, match=f"--{known.name.replace('_', '.')} must be "):
                        options(**needed.get(options, {}) | {known.name: value})
    for known in (*DECLARED, *SFM, *VIDEO):
        if known.kind in (int, list[int]):
            assert known.job_range.at_most is not None, known.name
            assert known.job_range.at_most < 2**31


def test_every_declared_option_of_the_stages_is_explained() -> None:
    from splatworker.sfm.options import SfmOptions
    from splatworker.train.options import Options
    from splatworker.train.unused_options import UnusedOptions

    known = [option for stage in (Options, UnusedOptions, SfmOptions) for option in declared(stage)]
    assert len({option.name for option in known}) == len(known) - len({"device"})
    for option in known:
        assert option.option.help.endswith("."), option.name
