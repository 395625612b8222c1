"""The viewer's page: what is in the file, and what a browser shows of it."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import numpy as np
import pytest

from splatworker.export import viewer
from splatworker.export.camera_path import Viewpoint
from splatworker.export.viewer import PageContents, write_viewer

TEMPLATE = Path(viewer.__file__).with_name("viewer_page.html")
BUILD = Path(__file__).parents[2] / "viewer"

LOOK = Viewpoint(np.array([0.0, 1, 4]), np.zeros(3), 0.5, 0.4)


def part(page: str, name: str) -> str:
    found = re.search(rf'<script type="[a-z/]+" id="{name}">(.*?)</script>', page, re.DOTALL)
    assert found is not None
    return found[1].strip()


@pytest.fixture
def splat_file(tmp_path: Path) -> Path:
    path = tmp_path / "splat.sog"
    path.write_bytes(bytes(range(256)) * 40)
    return path


def test_the_page_holds_splat_view_and_licence(splat_file: Path, tmp_path: Path) -> None:
    title = "</title><script>alert(1)</script>{{splat}}"
    assert write_viewer(tmp_path / "a.html", PageContents(title, splat_file, LOOK, (1.0, 1.0, 1.0), b"poster")) is True
    page = (tmp_path / "a.html").read_text()
    assert "<title>&lt;/title&gt;" in page
    assert page.count("alert(1)") == 1
    described = json.loads(part(page, "scene"))
    assert described["filename"] == "splat.sog"
    assert described["view"] == {"position": [0, 1, 4], "target": [0, 0, 0], "tanX": 0.5, "tanY": 0.4}
    assert described["poster"].startswith("data:image/webp;base64,")
    assert part(page, "splat").startswith("data:application/octet-stream;base64,AAECAw")
    assert "antialiased" not in described
    assert "rgb(255 255 255)" in page
    assert "MIT License" in page
    assert "PlayCanvas Ltd" in page


def test_the_page_is_told_of_antialiasing(splat_file: Path, tmp_path: Path) -> None:
    write_viewer(tmp_path / "a.html", PageContents("a", splat_file, LOOK, antialiased=True))
    assert json.loads(part((tmp_path / "a.html").read_text(), "scene"))["antialiased"] is True


def test_a_page_that_would_be_too_large_loads_its_splat_from_beside(
    splat_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(viewer, "LARGEST_PAGE", 3 * 2**20 + 1000)
    assert write_viewer(tmp_path / "a.html", PageContents("a", splat_file, LOOK)) is False
    assert part((tmp_path / "a.html").read_text(), "splat") == "splat.sog"


def test_the_template_is_what_the_build_makes(node: str, tmp_path: Path) -> None:
    """Nobody edits what was built, and the pinned versions are those that are shipped."""
    if not (BUILD / "node_modules" / "esbuild").is_dir():
        pytest.skip("the viewer's packages are not installed: npm ci --ignore-scripts in viewer/")
    subprocess.run([node, BUILD / "build.mjs", tmp_path / "built.html"], check=True)
    assert (tmp_path / "built.html").read_bytes() == TEMPLATE.read_bytes()


def test_versions_are_pinned() -> None:
    packages = json.loads((BUILD / "package.json").read_text())
    for kind in ("dependencies", "devDependencies", "optionalDependencies"):
        assert all(re.fullmatch(r"[\d.]+", version) for version in packages[kind].values())
    assert "supersplat-viewer " + packages["dependencies"]["@playcanvas/supersplat-viewer"] in TEMPLATE.read_text()
    assert "resolved" not in (BUILD / "package-lock.json").read_text()
