"""The comment that says how a splat is to be drawn: which ones say so, and added to a file of another writer."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from support.any_splats import random_splat, same

from splatworker.errors import InvalidScene, SplatError
from splatworker.formats.ply import read_ply, write_ply
from splatworker.formats.ply_comment import mark_antialiased, says_antialiased


@pytest.mark.parametrize(
    ("comments", "said"),
    [
        ([], False),
        (["SplatRenderMode: mip"], True),
        (["splatrendermode:  MIP", "made by hand"], True),
        (["SplatRenderMode: default"], False),
        (["SplatRenderMode: mip", "SplatRenderMode: default"], False),
        (["SplatRenderMode:"], False),
        (["no SplatRenderMode: mip"], False),
    ],
)
def test_the_last_that_says_how_to_draw_counts(comments: list[str], said: bool) -> None:
    assert says_antialiased([comment.split() for comment in comments]) == said


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n"])
def test_a_file_is_marked_and_else_stays_as_it_is(tmp_path: Path, line_end: bytes) -> None:
    splat, path = random_splat(6, 2), tmp_path / "a.ply"
    write_ply(path, splat)
    header, body = path.read_bytes().split(b"end_header\n", 1)
    path.write_bytes((header + b"end_header\n").replace(b"\n", line_end) + body)
    mark_antialiased(path, "train")
    marked = read_ply(path)
    assert marked.antialiased
    assert np.array_equal(marked.means, splat.means)
    assert path.read_bytes().endswith(body)
    assert path.read_bytes().split(line_end)[2] == b"comment SplatRenderMode: mip"
    assert not same(marked, splat)
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.ply"]


def test_what_is_no_ply_is_refused_and_left(tmp_path: Path) -> None:
    path = tmp_path / "a.ply"
    path.write_bytes(b"ply of another kind\n")
    with pytest.raises(InvalidScene, match=r"a\.ply is not a PLY"):
        mark_antialiased(path, "train")
    assert path.read_bytes() == b"ply of another kind\n"
    with pytest.raises(SplatError):
        mark_antialiased(tmp_path / "none.ply", "train")
