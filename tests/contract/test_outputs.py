"""What can be made of a splat: names, files, and lists of them."""

from __future__ import annotations

import argparse

import pytest

from splatworker.contract.outputs import BY_DEFAULT, OUTPUTS, files_of, names


def test_every_output_has_a_file_of_its_own() -> None:
    files = [output.file for output in OUTPUTS.values()]
    assert len(set(files)) == len(files)
    assert all("/" in output.content_type for output in OUTPUTS.values())


def test_a_page_has_a_sog_beside_it_at_times() -> None:
    assert files_of(["viewer"]) == ["viewer.html", "splat.sog"]
    assert files_of(["sog", "viewer"]) == ["splat.sog", "viewer.html"]
    assert files_of(["poster"]) == ["poster.webp"]


def test_a_list_names_each_output_once() -> None:
    assert names(" spz, poster,spz,") == ["spz", "poster"]
    with pytest.raises(argparse.ArgumentTypeError, match="'ksplat' is none of spz, sog"):
        names("spz,ksplat")
    with pytest.raises(argparse.ArgumentTypeError, match="nothing is named"):
        names(" , ")


def test_a_second_ply_is_made_for_those_who_ask() -> None:
    assert set(OUTPUTS) - set(BY_DEFAULT) == {"cleaned_ply"}
