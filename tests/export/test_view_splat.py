"""A splat by itself becomes a page that is removed again."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial import cKDTree
from support.exports import Exported

from splatworker.export.view_cli import address_of, folder_of, server_of
from splatworker.export.view_splat import is_y_up
from splatworker.splat_files.records import FORMATS
from splatworker.splat_files.registry import read_any, write_any


@pytest.mark.parametrize("name", FORMATS)
def test_a_splat_of_any_format_is_shown_by_itself(name: str, exported: Exported, tmp_path: Path) -> None:
    splat = tmp_path / f"a{FORMATS[name].suffix}"
    write_any(splat, read_any(exported.folder / "splat.splat"), "cpu")  # y down, as most mean it
    with folder_of(splat) as folder, server_of(folder) as server:
        assert address_of(server, folder).endswith("/viewer.html")
        shown = read_any(folder / "splat.compressed.ply")
        page = (folder / "viewer.html").read_text()
    assert not folder.exists()
    given, half_a_turn = read_any(splat), np.array([-1, -1, 1] if name == "spz" else [1, 1, 1])  # SPZ means y up
    distances, index = map(np.asarray, cKDTree(given.means * half_a_turn).query(shown.means))
    assert distances.max() < 0.01
    assert len(set(index)) == len(given)
    view = json.loads(page.split('id="scene">')[1].split("</script>")[0])["view"]
    upright = shown.means * [-1, -1, 1]
    np.testing.assert_allclose(view["target"], np.quantile(upright, [0.05, 0.95], axis=0).mean(axis=0), atol=0.003)
    assert view["position"][1] > view["target"][1]


def test_the_ply_of_a_run_stands_as_its_scene_says(tmp_path: Path) -> None:
    assert not is_y_up_of(tmp_path / "a.ply")
    (tmp_path / "scene").mkdir()
    (tmp_path / "scene" / "frame.json").write_text('{"axes": "y up, right-handed"}')
    assert is_y_up_of(tmp_path / "a.ply")
    assert is_y_up_of(tmp_path / "model" / "point_cloud" / "iteration_3" / "point_cloud.ply")


def is_y_up_of(path: Path) -> bool:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"ply\n")
    return is_y_up(path)
