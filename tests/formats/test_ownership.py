"""What is not ours stays as it is: scenes, photos, pictures and files that people have. Whole runs are in
commands/test_run_ownership.py.
"""

from __future__ import annotations

import errno
import shutil
from pathlib import Path

import pytest
from support.others_files import MINE, put, refused, snapshot
from support.scene_folders import truth

from splatworker.errors import InvalidJob, SplatError
from splatworker.export import cli as export_cli
from splatworker.export import convert_cli
from splatworker.formats.folder_record import RECORD
from splatworker.formats.ownership import demand_usable
from splatworker.formats.ply import write_ply
from splatworker.photos import cli as photos_cli
from splatworker.render import cli as render_cli
from splatworker.render.tensors import to_gaussians
from splatworker.sfm.output import scene_to_write
from splatworker.stages.file_names import find_files


def test_a_project_of_the_persons_is_no_scene_to_replace(photos: Path, tmp_path: Path) -> None:
    project = tmp_path / "D"
    shutil.copytree(photos, project / "images")
    for name in ("sparse/0/cameras.bin", "database.db", "notes.txt"):
        put(project / name)
    before = snapshot(project)
    for images in (project / "images", photos):
        for beside in (False, True):
            with pytest.raises(InvalidJob), scene_to_write(project, images, beside=beside):
                pytest.fail("the work has begun")
    assert snapshot(project) == before


def test_a_scene_is_replaced_by_the_next_and_stays_when_that_fails(photos: Path, tmp_path: Path) -> None:
    scene = tmp_path / "scene"
    with scene_to_write(scene, photos) as part:
        put(part / "images" / "old.jpg")
    with pytest.raises(SplatError), scene_to_write(scene, photos) as part:
        put(part / "images" / "new.jpg")
        raise OSError(errno.ENOSPC, "full")
    assert (scene / "images" / "old.jpg").is_file()
    with scene_to_write(scene, photos) as part:
        put(part / "images" / "new.jpg")
    assert sorted(path.name for path in scene.rglob("*")) == [RECORD, "images", "new.jpg"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["photos", "scene"]


def test_clean_photos_are_not_written_over_what_they_are_made_of(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = snapshot(photos)
    assert photos_cli.main([str(photos), "-o", str(photos)]) == 1
    refused(capsys.readouterr().err, "is what is to be read")
    assert photos_cli.main([str(photos), "-o", str(tmp_path)]) == 1
    refused(capsys.readouterr().err, "holds what is to be read")
    mine = put(tmp_path / "others" / "IMG_0001.jpg")
    assert photos_cli.main([str(photos), "-o", str(mine.parent)]) == 1
    refused(capsys.readouterr().err, "IMG_0001.jpg")
    assert snapshot(photos) == before
    assert mine.read_text() == MINE


def test_clean_photos_in_the_folder_of_the_photos_are_no_photos_of_the_next_time(photos: Path) -> None:
    for _ in range(2):
        assert photos_cli.main([str(photos), "-o", str(photos / "clean")]) == 0
        assert len([path for path in (photos / "clean").iterdir() if path.name != RECORD]) == 5
    (photos / "IMG_0001.jpg").unlink()
    assert photos_cli.main([str(photos), "-o", str(photos / "clean")]) == 0
    assert not (photos / "clean" / "IMG_0001.jpg").exists()
    assert "clean" in find_files(photos).passed_over


def test_pictures_are_drawn_again_but_never_over_somebodys(
    tiny_scene: Path, toy: Path, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = [str(toy), "-s", str(tiny_scene), "-o", str(out), "--split", "test"]
    assert render_cli.main(command) == 0
    assert render_cli.main([*command, "-w"]) == 0
    put(out / "photo000.png")
    capsys.readouterr()
    assert render_cli.main(command) == 1
    refused(capsys.readouterr().err, "photo000.png", "was changed")
    assert (out / "photo000.png").read_text() == MINE


def test_a_converted_file_is_written_again_but_never_over_somebodys(
    toy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "toy.spz"
    assert convert_cli.main([str(toy), str(target), "--device", "cpu"]) == 0
    assert convert_cli.main([str(toy), str(target), "--device", "cpu"]) == 0
    put(target)
    capsys.readouterr()
    before = toy.read_bytes()
    (tmp_path / "link.ply").symlink_to(toy)
    (tmp_path / "hard.ply").hardlink_to(toy)
    for out, words in (
        (target, "was changed"),
        (toy, "is what is to be read"),
        (tmp_path / "new" / ".." / "toy.ply", "is what is to be read"),
        (tmp_path / "link.ply", "is what is to be read"),
        (tmp_path / "hard.ply", "is what is to be read"),
        (tmp_path / ".." / tmp_path.name / "toy.spz", "was changed"),
    ):
        assert convert_cli.main([str(toy), str(out), "--device", "cpu"]) == 1
        refused(capsys.readouterr().err, words)
    assert toy.read_bytes() == before
    assert target.read_text() == MINE


def test_an_export_leaves_a_persons_page(
    tiny_scene: Path, toy: Path, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = put(out / "splat.splat")
    command = [str(toy), "-s", str(tiny_scene), "-o", str(out), "--formats", "splat"]
    assert export_cli.main(command) == 1
    refused(capsys.readouterr().err, "splat.splat")
    page.unlink()
    assert export_cli.main(command) == 0
    assert export_cli.main(command) == 0


# Records


def test_somebodys_part_is_not_the_place_to_write_to(tmp_path: Path) -> None:
    part = put(tmp_path / "splat.ply.part")
    write_ply(tmp_path / "splat.ply", to_gaussians(truth()))
    assert part.read_text() == MINE
    assert sorted(path.name for path in tmp_path.iterdir()) == ["splat.ply", "splat.ply.part"]


def test_the_longest_names_can_be_written(tmp_path: Path) -> None:
    path = tmp_path / ("é" * 125 + ".ply")
    write_ply(path, to_gaussians(truth()))
    assert [found.name for found in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("above", ["", "new"])
def test_a_name_that_no_disk_takes_is_refused_before_the_work(tmp_path: Path, above: str) -> None:
    with pytest.raises(InvalidJob, match="its name is too long"):
        demand_usable(tmp_path / above / ("x" * 300), "-o", "input")


@pytest.mark.parametrize("out", ["loop/a.splat", "a" * 300 + "/a.splat", "a" * 300 + ".splat"])
def test_a_place_where_no_file_can_be_is_the_persons(
    out: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "loop").symlink_to("loop")
    write_ply(tmp_path / "a.ply", to_gaussians(truth()))
    before = snapshot(tmp_path)
    assert convert_cli.main([str(tmp_path / "a.ply"), str(tmp_path / out)]) == 1
    refused(capsys.readouterr().err, "Give OUT another name")
    assert snapshot(tmp_path) == before
