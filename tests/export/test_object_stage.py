"""The object alone in files: the stage, what is made of it, and whose cameras agree with it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support.exports import Told
from support.model_folders import write_model
from support.object_scenes import around, in_a_room, on_a_table, room, table, thing, write_world

from splatworker.errors import InvalidScene
from splatworker.export import cli, object_cli, segmentation
from splatworker.export.export import export
from splatworker.export.object_stage import cut_out
from splatworker.export.orient import HALF_TURN_ABOUT_Z, move_camera, rotate
from splatworker.export.pictures import SplatRenderer
from splatworker.export.subject import PLAIN
from splatworker.export.view_splat import is_y_up
from splatworker.export.votes import vote
from splatworker.formats.camera import Camera
from splatworker.formats.find import find_splat, find_splat_of_scene
from splatworker.formats.gaussians import Gaussians
from splatworker.formats.subset import take
from splatworker.render.arrays import to_numpy
from splatworker.render.cpu import CpuRenderer
from splatworker.render.tensors import to_tensors
from splatworker.splat_files.registry import read_any
from splatworker.train.options import Options
from splatworker.train.trainer import train

SMALL = ["spz", "sog", "compressed_ply", "splat", "cleaned_ply"]
MADE = [*SMALL, "viewer", "poster", "poster_square", "report", "quality"]


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as `run` fills it, of an object on a table."""
    out = tmp_path_factory.mktemp("object") / "out"
    world = on_a_table()
    write_world(out / "scene", world)
    write_model(out / "model", world.gaussians, size=(160, 120), held_out=[])
    return out


@pytest.fixture(scope="session")
def cut(trained: Path) -> Path:
    """The folder of the stage's files."""
    cut_out(trained, trained, trained.parent / "cut", Told(), device="cpu")
    return trained.parent / "cut"


@pytest.fixture(scope="session")
def made(trained: Path, cut: Path) -> Path:
    """The folder of all that is made of the object but its film."""
    told = Told()
    result = export(trained, trained, trained.parent / "made", MADE, told, device="cpu", alone=cut)
    assert told.warnings == []
    assert list(result["outputs"]) == MADE
    return trained.parent / "made"


def test_the_files_of_the_stage(trained: Path, cut: Path) -> None:
    assert {path.name for path in cut.iterdir()} == {"splat.ply", "object.json"}
    told = json.loads((cut / "object.json").read_text())
    splat, whole = read_any(cut / "splat.ply"), read_any(find_splat_of_scene(trained))
    assert told["gaussians"] == len(splat) < told["gaussians_of_scene"] == len(whole)
    assert told["support"]
    assert told["unit"] == "metre"
    assert 0.9 < told["size"][1] < 1.05
    moved = np.array(told["object_from_scene"])
    assert np.allclose(moved[:3, :3] @ moved[:3, :3].T, np.eye(3), atol=1e-9)  # rigid: the scale is kept
    assert is_y_up(cut / "splat.ply")


def test_its_cameras_agree_with_it(trained: Path, cut: Path) -> None:
    """The object drawn from a camera of object.json lies where the photo shows it."""
    told = json.loads((cut / "object.json").read_text())["cameras"]
    assert len(told) == 24
    entry = told[4]
    lens = {name: entry[name] for name in ("width", "height", "fx", "fy", "cx", "cy")}
    camera = Camera(**lens, camera_from_world=np.array(entry["camera_from_object"]))
    renderer, black = CpuRenderer(), np.zeros(3, np.float32)
    drawn = renderer.render(to_tensors(read_any(cut / "splat.ply"), renderer.device), camera, black, 0)
    pixels = drawn.transpose(1, 2, 0)
    with Image.open(trained / "scene" / "images" / entry["name"]) as image:
        photo = np.asarray(image.convert("RGB"), np.float32) / 255
    there = pixels.sum(axis=2) > 0.5
    assert 500 < there.sum() < 6000
    assert np.abs(pixels - photo)[there].mean() < 0.03


@pytest.mark.parametrize("name", SMALL)
def test_every_file_holds_the_same_object(cut: Path, made: Path, name: str) -> None:
    master = read_any(cut / "splat.ply")
    stored = read_any(next(made.glob(f"splat.{'cleaned.ply' if name == 'cleaned_ply' else name.replace('_', '?')}*")))
    stored = stored if name in ("spz", "cleaned_ply") else rotate(stored, HALF_TURN_ABOUT_Z)
    assert len(stored) == len(master)
    for whole, part in ((master.means.min(axis=0), stored.means.min(axis=0)), (master.means.max(axis=0),) * 2):
        assert np.abs(whole - part).max() < 0.01
    assert stored.means[:, 1].min() > -0.1


@pytest.mark.parametrize("name", ["poster.webp", "poster_square.webp"])
def test_pictures_show_all_of_it_on_a_plain_background(made: Path, name: str) -> None:
    with Image.open(made / name) as image:
        pixels = np.asarray(image.convert("RGB"), float) / 255
    plain = np.abs(pixels - PLAIN[0]).max(axis=2) < 0.03
    assert plain[[0, -1]].mean() > 0.999
    assert plain[:, [0, -1]].mean() > 0.999
    assert 0.1 < 1 - plain.mean() < 0.8
    rows, columns = np.nonzero(~plain)
    assert abs(rows.mean() / len(plain) - 0.5) < 0.12
    assert abs(columns.mean() / plain.shape[1] - 0.5) < 0.12


def test_the_page_shows_all_of_it(made: Path) -> None:
    page = (made / "viewer.html").read_text()
    scene = json.loads(page.split('id="scene">')[1].split("</script>")[0])
    assert scene["view"]["whole"] is True
    assert scene["background"] == list(PLAIN)
    assert 0.3 < scene["view"]["target"][1] < 0.7  # the middle of the object, which stands on 0


def test_the_report_says_what_it_is_of(made: Path) -> None:
    figures = json.loads((made / "quality.json").read_text())
    assert figures["subject"] == "object"
    assert figures["scores"]["psnr"] > 30  # of what the photos show where the object is
    assert "cut from the scene" in (made / "report.html").read_text()


def test_whoever_looks_from_the_scenes_cameras_gets_the_scenes_splat(trained: Path, cut: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    shutil.copytree(trained, out)
    for path in cut.iterdir():
        shutil.copy(path, out)
    assert find_splat(out) == out / "splat.ply"
    assert find_splat_of_scene(out).is_relative_to(out / "model")
    (out / "object.json").unlink()
    assert find_splat_of_scene(out) == out / "splat.ply"


def test_export_finds_the_object_itself(trained: Path, tmp_path: Path) -> None:
    words = [str(trained), "-s", str(trained), "-o", str(tmp_path), "--formats", "spz", "--device", "cpu"]
    assert cli.main([*words, "--subject", "object"]) == 0
    assert {path.name for path in tmp_path.iterdir() if path.name[0] != "."} == {
        "object.json",
        "splat.ply",
        "splat.spz",
    }
    assert len(read_any(tmp_path / "splat.spz")) == len(read_any(tmp_path / "splat.ply")) < 2000


def test_no_single_subject_on_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    world = room()
    write_world(tmp_path / "out" / "scene", world)
    write_model(tmp_path / "out" / "model", world.gaussians, size=(160, 120), held_out=[])
    words = [str(tmp_path / "out"), "-s", str(tmp_path / "out"), "-o", str(tmp_path / "made"), "--device", "cpu"]
    assert object_cli.main(words) == 1
    assert "[no_single_subject]" in capsys.readouterr().err
    assert not (tmp_path / "made").exists()
    assert cli.main([*words, "--formats", "splat", "--subject", "object"]) == 0
    said = capsys.readouterr().err
    assert "No single subject was found: the cameras look outwards" in said
    assert "The outputs are of the whole scene." in said
    assert len(read_any(tmp_path / "made" / "splat.splat")) > 0.7 * len(world.gaussians)
    assert not (tmp_path / "made" / "splat.ply").exists()


def test_a_network_that_is_not_there_changes_nothing_and_is_said(
    trained: Path, cut: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    missing = "the library onnxruntime is not installed"
    monkeypatch.setattr(segmentation, "why_missing", lambda: missing)
    told = Told()
    result = cut_out(trained, trained, tmp_path, told, device="cpu", ask_network=True)
    assert result["segmentation"] == {"used": False, "reason": f"not installed: {missing}"}
    assert told.warnings == [f"segmentation: not installed. The object was cut out without it, since {missing}."]
    assert (tmp_path / "splat.ply").read_bytes() == (cut / "splat.ply").read_bytes()
    assert "segmentation" not in json.loads((cut / "object.json").read_text())  # where nobody has asked


def test_a_network_that_is_not_sure_changes_nothing_and_is_said(
    trained: Path, cut: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(segmentation, "why_missing", lambda: None)
    monkeypatch.setattr(segmentation, "network", lambda: lambda photo: np.full((320, 320), 0.5, np.float32))
    told = Told()
    result = cut_out(trained, trained, tmp_path, told, device="cpu", ask_network=True)
    assert result["segmentation"]["used"] is False
    assert result["segmentation"]["photos_voting"] == 0
    assert "not sure" in told.warnings[0]
    assert (tmp_path / "splat.ply").read_bytes() == (cut / "splat.ply").read_bytes()


def test_a_network_that_sees_less_of_the_object_takes_the_rest_away(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It sees all of the object but the lowest sixth."""
    world = on_a_table()
    renderer = CpuRenderer()
    splat = to_tensors(world.gaussians, renderer.device)
    masks = vote(renderer, splat, world.belongs("object"), world.cameras).masks
    true = iter(masks)

    def look(photo: np.ndarray) -> np.ndarray:
        mask = next(true) > 0.5
        rows = np.flatnonzero(mask.any(axis=1))
        mask[int(rows[0] + (rows[-1] - rows[0]) * 5 / 6) :] = False
        square = Image.fromarray(mask.astype(np.uint8) * 255).resize((320, 320), Image.Resampling.NEAREST)
        return np.asarray(square, np.float32) / 255

    monkeypatch.setattr(segmentation, "why_missing", lambda: None)
    monkeypatch.setattr(segmentation, "network", lambda: look)
    told = Told()
    result = cut_out(trained, trained, tmp_path, told, device="cpu", ask_network=True)
    assert told.warnings == []
    assert result["segmentation"]["used"] is True, result["segmentation"]
    assert result["segmentation"]["left_out"] > 20
    assert json.loads((tmp_path / "object.json").read_text())["segmentation"] == result["segmentation"]


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"object_from_scene": [[1]]}', '{"object_from_scene": "x"}'])
def test_a_broken_account_is_named(trained: Path, cut: Path, tmp_path: Path, text: str) -> None:
    shutil.copy(cut / "splat.ply", tmp_path)
    (tmp_path / "object.json").write_text(text)
    with pytest.raises(InvalidScene, match="The object in"):
        export(trained, trained, tmp_path / "made", ["splat"], Told(), device="cpu", alone=tmp_path)


@pytest.mark.slow
def test_a_film_shows_all_of_it_all_the_while(trained: Path, cut: Path, tmp_path: Path) -> None:
    result = export(trained, trained, tmp_path, ["turntable"], Told(), device="cpu", alone=cut)
    assert result["outputs"]["turntable"]["bytes"] > 10_000


@pytest.mark.slow
def test_of_a_splat_that_was_trained(tmp_path: Path) -> None:
    """Trained on drawn photos: what the cut object shows lies within the true mask, and fills it."""
    world = in_a_room(thing() | table(), around([0, 0.45, 0], count=36))
    scene = write_world(tmp_path / "scene", world)
    options = Options(
        source_path=scene,
        model_path=tmp_path / "model",
        iterations=1500,
        position_lr_max_steps=1500,
        densify_from_iter=150,
        densify_until_iter=1000,
        opacity_lr=0.05,
    )
    train(options, CpuRenderer(), Told())
    cut_out(tmp_path / "model", scene, tmp_path / "cut", Told(), device="cpu")
    moved = np.array(json.loads((tmp_path / "cut" / "object.json").read_text())["object_from_scene"])
    outside = shown = missing = true = 0.0
    for camera in world.cameras[::5]:
        mask = covered(take(world.gaussians, world.belongs("object")), camera)
        drawn = covered(read_any(tmp_path / "cut" / "splat.ply"), move_camera(camera, moved))
        outside += float((drawn * (mask < 0.02)).sum())
        shown += float(drawn.sum())
        missing += float(((1 - drawn) * (mask > 0.9)).sum())
        true += float((mask > 0.9).sum())
    assert outside < 0.01 * shown
    assert missing < 0.03 * true


def covered(splat: Gaussians, camera: Camera) -> np.ndarray:
    return to_numpy(SplatRenderer(splat, CpuRenderer(), (0.0, 0.0, 0.0)).covered(camera))
