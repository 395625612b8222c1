"""A splat and its scene as they are exported: what of other makers' JSON is believed, and cameras of smaller photos."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from splatworker.errors import InvalidScene
from splatworker.export.subject import Subject, read_subject, shrunk, well_typed
from splatworker.formats.camera import Camera
from splatworker.formats.gaussians import ARRAYS, Gaussians
from splatworker.formats.ply import write_ply
from splatworker.formats.scene import Photo

SHAPE = {"psnr": float, "count": int, "name": str, "list": [{"name": str}]}


def test_names_and_types_that_we_write_are_believed_and_no_others() -> None:
    good = {"psnr": 20, "count": 3, "name": "x", "list": [{"name": "a"}, {"name": "b"}]}
    assert well_typed(good | {"more": 1}, SHAPE) == good
    wrong = {"psnr": "20", "count": 3.5, "name": None, "list": [1, {"name": 2}]}
    assert well_typed(wrong, SHAPE) == {"list": [{}]}
    assert well_typed({"psnr": 1e300, "count": True, "list": {}}, SHAPE) == {}
    assert well_typed([good], SHAPE) == {}


@pytest.mark.parametrize(("longest", "size"), [(400, (400, 300)), (1, (1, 1)), (5000, (800, 600))])
def test_a_photo_shrinks_with_its_camera_and_never_grows(longest: int, size: tuple[int, int]) -> None:
    given = Photo("a", Path("a"), Camera(800, 600, 500.0, 500.0, 400.0, 300.0, np.eye(3, 4)))
    camera = shrunk(given, longest).camera
    assert (camera.width, camera.height) == size
    assert camera.fx == pytest.approx(500.0 * size[0] / 800)


def test_photos_and_points_are_upright(subject: Subject) -> None:
    assert len(subject.photos) == len(subject.trained) + len(subject.held_out) == 12
    assert subject.not_finite == 0
    blue = subject.gaussians.sh_dc[:, 2] > 0
    assert subject.gaussians.means[blue, 1].mean() > subject.gaussians.means[~blue, 1].mean()  # y is up


def test_a_splat_of_nothing_but_nan_is_refused(scene: Path, tmp_path: Path, subject: Subject) -> None:
    some = subject.gaussians
    fields = [np.array(getattr(some, name)[:2]) for name in ARRAYS]
    fields[0][:] = np.nan
    write_ply(tmp_path / "a.ply", Gaussians(*fields))
    with pytest.raises(InvalidScene, match=r"a\.ply has no Gaussians"):
        read_subject(tmp_path / "a.ply", scene)
