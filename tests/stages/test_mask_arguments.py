"""The arguments about masks that every command of photos has."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from splatworker.formats.mask_names import MODES
from splatworker.stages.mask_arguments import add_mask_arguments


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser()
    add_mask_arguments(made)
    return made


def test_by_default_masks_are_looked_for_and_white_counts() -> None:
    told = parser().parse_args([])
    assert (told.masks, told.mask_mode, told.invert_masks) == (None, "auto", False)


@pytest.mark.parametrize("mode", MODES)
def test_every_mode_can_be_named(mode: str) -> None:
    told = parser().parse_args(["--masks", "m", "--mask-mode", mode, "--invert-masks"])
    assert (told.masks, told.mask_mode, told.invert_masks) == (Path("m"), mode, True)


def test_another_mode_is_a_wrong_command_line() -> None:
    with pytest.raises(SystemExit):
        parser().parse_args(["--mask-mode", "guess"])
