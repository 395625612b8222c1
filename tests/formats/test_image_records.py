"""The walk through images.bin: every record as COLMAP wrote it, and an end where the bytes end."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pycolmap
import pytest

from splatworker.formats.image_records import NO_POINT, image_records


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, pycolmap.Reconstruction]:
    options = pycolmap.SyntheticDatasetOptions()
    options.num_frames_per_rig, options.num_points3D, options.num_points2D_without_point3D = 4, 60, 5
    made = pycolmap.synthesize_dataset(options)
    folder = tmp_path_factory.mktemp("model")
    made.write_binary(str(folder))
    return (Path(folder) / "images.bin").read_bytes(), made


def test_every_record_is_as_colmap_wrote_it(model: tuple[bytes, pycolmap.Reconstruction]) -> None:
    data, made = model
    found = {one.image_id: one for one in image_records(data)}
    assert sorted(found) == sorted(made.images)
    for image_id, image in made.images.items():
        one, pose = found[image_id], image.cam_from_world()
        assert (one.name, one.camera_id) == (image.name, image.camera_id)
        assert np.allclose(one.pose, [*np.roll(pose.rotation.quat, 1), *pose.translation], rtol=0, atol=1e-14)
        assert np.array_equal(one.features["xy"], [point.xy for point in image.points2D])
        assert one.features["point"].tolist() == [
            point.point3D_id if point.has_point3D() else NO_POINT for point in image.points2D
        ]
        assert NO_POINT in one.features["point"]


def test_a_file_cut_anywhere_is_told(model: tuple[bytes, pycolmap.Reconstruction]) -> None:
    data, _ = model
    for length in (0, 7, 8, 50, 71, 73, 80, len(data) // 2, len(data) - 1):
        with pytest.raises(ValueError, match="cut short"):
            list(image_records(data[:length]))


@pytest.mark.parametrize("count", [9, 2**40, 2**64 - 1])
def test_no_count_is_believed(model: tuple[bytes, pycolmap.Reconstruction], count: int) -> None:
    with pytest.raises(ValueError, match="cut short"):
        list(image_records(count.to_bytes(8, "little") + model[0][8:]))
