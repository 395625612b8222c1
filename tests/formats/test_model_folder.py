"""The splat in a model folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from splatworker.errors import InvalidScene
from splatworker.formats.model_folder import find_splat, is_of_training, iteration_of


def test_the_latest_iteration_is_the_largest_number(tmp_path: Path) -> None:
    for name in ("iteration_30000", "iteration_7000", "iteration_best"):
        (tmp_path / "point_cloud" / name).mkdir(parents=True)
        (tmp_path / "point_cloud" / name / "point_cloud.ply").write_bytes(b"ply")
    assert find_splat(tmp_path).parent.name == "iteration_30000"


def test_a_file_is_itself_and_an_empty_folder_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.ply").write_bytes(b"ply")
    assert find_splat(tmp_path / "a.ply") == tmp_path / "a.ply"
    with pytest.raises(InvalidScene, match="neither a PLY nor a model folder"):
        find_splat(tmp_path)


@pytest.mark.parametrize(
    ("name", "number"),
    [("chkpnt7000.npz", 7000), ("point_cloud/iteration_30000/point_cloud.ply", 30_000), ("cfg_args", None)],
)
def test_a_trainers_files_and_their_iterations(name: str, number: int | None) -> None:
    assert is_of_training(name)
    assert iteration_of(name) == number
    assert not is_of_training(f"mine/{name}")
