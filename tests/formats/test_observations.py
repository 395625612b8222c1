"""What a photo sees of the points, from COLMAP's files: binary and text alike, and nothing from what is broken."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pycolmap
import pytest

from splatworker.formats.observations import read_observations


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, pycolmap.Reconstruction]:
    options = pycolmap.SyntheticDatasetOptions()
    options.num_frames_per_rig, options.num_points3D = 4, 60
    made = pycolmap.synthesize_dataset(options)
    folder = tmp_path_factory.mktemp("model")
    made.write_binary(str(folder))
    made.write_text(str(folder))
    return folder, made


@pytest.mark.parametrize("name", ["images.bin", "images.txt"])
def test_as_colmap_reads_them(model: tuple[Path, pycolmap.Reconstruction], name: str) -> None:
    folder, made = model
    found = read_observations(folder / name)
    assert sorted(found) == sorted(image.name for image in made.images.values())
    for image in made.images.values():
        theirs = {point.point3D_id: point.xy for point in image.points2D if point.has_point3D()}
        ours = dict(zip(found[image.name].points.tolist(), found[image.name].xy, strict=True))
        assert ours.keys() == theirs.keys()
        assert np.allclose([ours[point] for point in theirs], list(theirs.values()))


@pytest.mark.parametrize("name", ["images.bin", "images.txt"])
def test_nothing_from_what_is_broken(model: tuple[Path, pycolmap.Reconstruction], tmp_path: Path, name: str) -> None:
    data = (model[0] / name).read_bytes()
    broken = tmp_path / name
    assert read_observations(broken) == {}
    for cut in (0, 7, 40, len(data) // 2, len(data) - 3):
        broken.write_bytes(data[:cut])
        for seen in read_observations(broken).values():  # of a text, lines before the cut are whole
            assert len(seen.xy) == len(seen.points) > 0
    broken.write_bytes(b"\xff" * 300)
    assert read_observations(broken) == {}


def test_numbers_that_none_can_be(model: tuple[Path, pycolmap.Reconstruction], tmp_path: Path) -> None:
    text = tmp_path / "images.txt"
    text.write_text("1 1 0 0 0 0 0 0 1 a.jpg\n1 2 7 3 4 nan 5 6 inf 7 8 1e300 nan 1 9 1e300 2 8\n")
    (seen,) = read_observations(text).values()
    assert seen.points.tolist() == [7, 8]
    assert seen.xy.tolist() == [[1, 2], [1e300, 2]]
    data = (model[0] / "images.bin").read_bytes()
    name_ends = data.index(b"\0", 72)
    lying = tmp_path / "images.bin"
    for count in (2**40, 2**63, 2**64 - 1):
        lying.write_bytes(data[: name_ends + 1] + count.to_bytes(8, "little") + data[name_ends + 9 :])
        assert read_observations(lying) == {}
