"""Every reader of what comes from outside answers hostile files or refuses them in a sentence; see bench/fuzz.py."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from support.hostile_files import READERS, feed, splat
from support.sog_files import sog_members, sog_meta

from splatworker.errors import InvalidScene
from splatworker.splat_files.compressed_ply import write_compressed_ply
from splatworker.splat_files.registry import read_any

EXAMPLES = 50


@pytest.mark.parametrize("name", READERS)
def test_hostile_files_are_answered_or_refused(name: str) -> None:
    reader = READERS[name]
    said = set()

    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(reader.files)
    def fed(files: dict[str, bytes]) -> None:
        said.add(feed(reader, files))

    fed()
    assert len(said) > 1 or name == "EXIF"  # they are not all stopped at the same door


def test_a_picture_of_a_sog_folder_whose_name_no_file_can_have(tmp_path: Path) -> None:
    meta = sog_meta()
    meta["quats"]["files"] = ["1" * 4000]
    (tmp_path / "meta.json").write_text(json.dumps(meta))
    for name, data in sog_members().items():
        if name != "meta.json":
            (tmp_path / name).write_bytes(data)
    with pytest.raises(InvalidScene, match="names a file that cannot be"):
        read_any(tmp_path / "meta.json")


def test_colours_of_a_compressed_ply_beyond_all_numbers_bring_no_warning(tmp_path: Path) -> None:
    path = tmp_path / "a.compressed.ply"
    write_compressed_ply(path, splat(9))
    data = path.read_bytes()
    start = data.index(b"end_header\n") + len(b"end_header\n")
    bounds = np.frombuffer(data[start : start + 18 * 4], dtype="<f4").copy()
    bounds[15:] = 3e38  # the largest colours
    path.write_bytes(data[:start] + bounds.tobytes() + data[start + 18 * 4 :])
    assert len(read_any(path).means) <= 9
