"""The export stage: all outputs of a splat, right way up, and each failure a warning by its name."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.spatial import cKDTree
from support.exports import Exported, Told

from splatworker.contract.outputs import BY_DEFAULT, OUTPUTS, names
from splatworker.errors import SplatError
from splatworker.export.comparison import trained_size
from splatworker.export.export import export
from splatworker.export.orient import HALF_TURN_ABOUT_Z, rotate
from splatworker.export.render_budget import ON_CPU
from splatworker.export.subject import Subject, read_subject, shrunk
from splatworker.formats.ply import write_ply
from splatworker.render.reference import ReferenceRenderer
from splatworker.render.tensors import to_tensors
from splatworker.splat_files.registry import read_any

SPLATS = ["spz", "sog", "compressed_ply", "splat", "cleaned_ply"]


def test_every_output_is_there_as_told(exported: Exported) -> None:
    made = exported.result["outputs"]
    assert list(made) == list(OUTPUTS)
    assert {path.name for path in exported.folder.iterdir()} == {output.file for output in OUTPUTS.values()}
    for name, told in made.items():
        assert told["file"] == OUTPUTS[name].file
        assert told["bytes"] == (exported.folder / told["file"]).stat().st_size > 100
    assert exported.told.warnings == []
    fractions = [fraction for _, fraction in exported.told.steps]
    assert fractions == sorted(fractions)


def test_what_was_trained_with_antialiasing_is_shown_so_by_all_that_is_made_of_it(
    scene: Path, subject: Subject, tmp_path: Path
) -> None:
    small = dataclasses.replace(
        subject.gaussians, log_scales=subject.gaussians.log_scales - np.float32(2), antialiased=True
    )
    plain, told = dataclasses.replace(small, antialiased=False), Told()
    wanted = ["spz", "compressed_ply", "splat", "cleaned_ply", "viewer", "quality"]
    for splat in (small, plain):
        write_ply(tmp_path / "a.ply", splat)
        out = tmp_path / str(splat.antialiased)
        export(tmp_path / "a.ply", scene, out, wanted, told, device="cpu", cleaning=False)
        for name in ("spz", "compressed_ply", "cleaned_ply"):
            assert read_any(out / OUTPUTS[name].file).antialiased == splat.antialiased
        assert ('"antialiased": true' in (out / "viewer.html").read_text()) == splat.antialiased
    (warning,) = told.warnings
    assert warning.startswith("A .splat file cannot say")
    quality = json.loads((tmp_path / "True" / "quality.json").read_text())
    assert quality["splat"]["antialiased"] is True
    losses = {row["name"]: row["psnr_db"] for row in quality["formats"]}
    assert losses["spz"] > losses["splat"] + 3  # of which a viewer knows no better than to draw it without


@pytest.mark.parametrize("name", SPLATS)
def test_every_splat_file_stands_upright_for_its_viewers(
    exported: Exported, scene: Path, model: Path, name: str
) -> None:
    """The blue half lies above, where the format's viewers take up to be."""
    splat = read_any(exported.folder / OUTPUTS[name].file)
    up = 1.0 if name == "spz" else -1.0  # viewers of the others turn y round; the PLY has its scene's y, down
    height = up * splat.means[:, 1]
    blue = splat.sh_dc[:, 2] > splat.sh_dc[:, 1]
    assert height[blue].min() > -0.02
    assert height[~blue].max() < 0.02
    assert 50 < blue.sum() < len(blue) - 50


@pytest.mark.parametrize("name", SPLATS)
def test_every_splat_file_looks_like_the_splat(exported: Exported, scene: Path, model: Path, name: str) -> None:
    subject = read_subject(model, scene)
    stored = read_any(exported.folder / OUTPUTS[name].file)
    if name == "cleaned_ply":
        stored = rotate(stored, subject.rotation)
    elif name != "spz":
        stored = rotate(stored, HALF_TURN_ABOUT_Z)
    assert len(stored) == exported.result["gaussians"]
    renderer, black = ReferenceRenderer(), torch.zeros(3)
    for photo in subject.photos[::5]:
        camera = shrunk(photo, 64).camera
        theirs = renderer.render(to_tensors(stored, torch.device("cpu")), camera, black, stored.sh_degree)
        ours = renderer.render(to_tensors(subject.gaussians, torch.device("cpu")), camera, black, 1)
        error = ((theirs - ours).clamp(-1, 1) ** 2).mean()
        assert ours.std() > 0.1
        assert -10 * error.log10() > (25 if name == "splat" else 38)  # a .splat has no harmonics


@pytest.mark.parametrize(("name", "size"), [("poster", (1280, 720)), ("poster_square", (720, 720))])
def test_posters_are_upright_and_full_of_the_subject(exported: Exported, name: str, size: tuple[int, int]) -> None:
    assert size[1] == ON_CPU.poster
    with Image.open(exported.folder / OUTPUTS[name].file) as image:
        assert (image.format, image.size) == ("WEBP", size)
        pixels = np.asarray(image.convert("RGB"), float)
    middle = pixels[:, size[0] // 3 : 2 * size[0] // 3]
    upper, lower = middle[: size[1] // 2].mean(axis=(0, 1)), middle[size[1] // 2 :].mean(axis=(0, 1))
    assert upper[2] > 1.5 * upper[1]  # blue above
    assert lower[1] > 1.5 * lower[2]  # green below
    assert pixels.max() > 150


def test_the_quality_figures_are_those_of_the_splat(exported: Exported, model: Path, scene: Path) -> None:
    quality = json.loads((exported.folder / "quality.json").read_text())
    assert quality["scores"]["of"] == "held out"
    assert [photo["name"] for photo in quality["scores"]["photos"]] != []
    assert {photo["name"] for photo in quality["scores"]["photos"]} == {"photo000.png", "photo008.png"}
    scores = [photo["psnr"] for photo in quality["scores"]["photos"]]
    assert scores == sorted(scores)
    assert min(scores) > 40  # the photos are pictures of this splat, in 256 steps
    assert quality["scores"]["psnr"] == pytest.approx(np.mean(scores), abs=1e-3)
    assert quality["photos"] | {"rejected": []} == {
        "given": 14, "used": 13, "registered": 12, "held_out": 2, "rejected": [],
    }  # fmt: skip
    assert [photo["name"] for photo in quality["photos"]["rejected"]] == ["photo 4", "blurred <b>.jpg"]
    assert quality["splat"]["gaussians"] == exported.result["gaussians"]
    assert {entry["name"] for entry in quality["formats"]} == set(SPLATS)
    for entry in quality["formats"]:
        assert entry["bytes"] == (exported.folder / entry["file"]).stat().st_size
        assert entry["psnr_db"] > (25 if entry["name"] == "splat" else 38)
    assert list(quality["timings"]) == ["photos", "sfm", "train", "export"]
    assert len(quality["training"]["log"]) == len(quality["training"]["history"]) == 3


def test_photos_that_were_trained_on_are_scored_where_none_was_held_out(
    model: Path, scene: Path, tmp_path: Path, told: Told
) -> None:
    ply = next(model.rglob("point_cloud.ply"))
    export(ply, scene, tmp_path, ["quality"], told, device="cpu")
    quality = json.loads((tmp_path / "quality.json").read_text())
    assert quality["scores"]["of"] == "trained on"
    assert quality["photos"]["held_out"] == 0
    assert [path.name for path in tmp_path.iterdir()] == ["quality.json"]
    assert trained_size(model) == 96
    assert trained_size(ply) == 0


def test_what_cannot_be_made_is_a_warning_by_name_and_the_rest_is_made(
    model: Path, scene: Path, tmp_path: Path, told: Told
) -> None:
    for name in ("poster", "spz"):
        (tmp_path / OUTPUTS[name].file).mkdir()
    result = export(model, scene, tmp_path, ["spz", "splat", "poster", "poster_square"], told, device="cpu")
    assert list(result["outputs"]) == ["splat", "poster_square"]
    assert len(told.warnings) == 2
    for name in ("poster", "spz"):
        assert any(f"'{name}'" in warning for warning in told.warnings)


def test_nothing_could_be_made(model: Path, scene: Path, tmp_path: Path, told: Told) -> None:
    (tmp_path / OUTPUTS["spz"].file).mkdir()
    with pytest.raises(SplatError, match="None of the outputs"):
        export(model, scene, tmp_path, ["spz"], told, device="cpu")


def test_the_page_alone_leaves_no_other_file(model: Path, scene: Path, tmp_path: Path, told: Told) -> None:
    result = export(model, scene, tmp_path, ["viewer"], told, device="cpu")
    assert list(result["outputs"]) == ["viewer"]
    assert [path.name for path in tmp_path.iterdir()] == ["viewer.html"]


def test_without_cleaning_every_gaussian_stays(model: Path, scene: Path, tmp_path: Path, told: Told) -> None:
    result = export(model, scene, tmp_path, ["spz", "quality"], told, cleaning=False, device="cpu")
    assert (result["cleaning"], result["gaussians"]) == (None, 400)
    assert json.loads((tmp_path / "quality.json").read_text())["cleaning"] is None
    stored = read_any(tmp_path / "splat.spz")
    distances, _ = cKDTree(read_subject(model, scene).gaussians.means).query(stored.means)
    assert len(stored) == 400
    assert np.max(distances) < 1e-3


def test_the_parts_are_told_with_their_times(exported: Exported) -> None:
    parts = exported.result["parts"]
    assert {"reading", "cleaning", "scores", "what sog loses", *OUTPUTS} <= set(parts)
    assert all(0 <= began <= ended <= exported.result["seconds"] for began, ended in parts.values())
    told = json.loads((exported.folder / "quality.json").read_text())["export"]
    assert {"turntable", "scores"} <= set(told)


def test_a_photo_that_cannot_be_read_costs_the_report_alone(
    model: Path, scene: Path, tmp_path: Path, told: Told
) -> None:
    folder = tmp_path / "scene"
    shutil.copytree(scene, folder)
    (folder / "images" / "photo008.png").write_bytes(b"no picture")  # one that was held out
    result = export(model, folder, tmp_path / "out", ["splat", "report", "quality"], told, device="cpu")
    assert list(result["outputs"]) == ["splat"]
    assert ["'quality'" in told.warnings[0], "'report'" in told.warnings[1]] == [True, True]
    assert all("photo008.png" in warning for warning in told.warnings)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["splat.splat"]


def test_names() -> None:
    assert names("spz, viewer,spz") == ["spz", "viewer"]
    assert set(OUTPUTS) - set(BY_DEFAULT) == {"cleaned_ply"}
