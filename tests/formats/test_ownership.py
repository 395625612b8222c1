"""What is not ours stays as it is: files of people and of other programs, what is read, links, mounts, full disks."""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest
from support.jobs import stand_in, write_photos
from support.scene_folders import truth

from splatworker.commands import run as run_cli
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

MINE = "The person's own.\n"


def snapshot(folder: Path) -> dict[str, object]:
    """Every file and link below a folder, with what is in it."""
    found: dict[str, object] = {}
    for path in sorted(folder.rglob("*")):
        if path.is_symlink():
            found[str(path.relative_to(folder))] = path.readlink()
        elif path.is_file():
            found[str(path.relative_to(folder))] = path.read_bytes()
    return found


def put(path: Path, text: str = MINE) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def run(*words: object) -> int:
    return run_cli.main([str(word) for word in (*words, "--ply-only")], command=stand_in())


def refused(text: str, *words: str) -> None:
    """One sentence of a person's code, with these words in it."""
    (line,) = [line for line in text.splitlines() if not line.endswith("matching photos")]
    assert line.startswith("Error: ")
    assert line.endswith("[invalid_job]")
    for word in words:
        assert word in line


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    write_photos(tmp_path / "photos", 5)
    return tmp_path / "photos"


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


@pytest.fixture
def toy(tmp_path: Path) -> Path:
    write_ply(tmp_path / "toy.ply", to_gaussians(truth()))
    return tmp_path / "toy.ply"


# A whole run


@pytest.mark.parametrize(
    "name", ["splat.ply", "result.json", "scene/layout.txt", "scene/images/IMG_0001.jpg", "model/house.blend"]
)
def test_a_persons_file_in_out_is_not_touched(
    photos: Path, out: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    put(out / name)
    before = snapshot(out)
    assert run(photos, "-o", out) == 1
    refused(capsys.readouterr().err, "splatworker did not make", "-o")
    assert snapshot(out) == before


def test_what_stands_beside_or_is_not_made_this_time_is_no_hindrance(photos: Path, out: Path) -> None:
    mine = [put(out / name) for name in ("notes.txt", "report.html", "viewer.html", "pictures/a.jpg", ".hidden")]
    assert run(photos, "-o", out) == 0
    assert run(photos, "-o", out) == 0
    assert {path.read_text() for path in mine} == {MINE}


def test_what_a_killed_run_left_goes_and_what_a_person_calls_alike_stays(photos: Path, out: Path) -> None:
    left = out / ".splat-worker-abcd1234"
    put(left / "scene" / "a.jpg")
    left.chmod(0o700)
    mine = [
        put(out / name / "notes.txt") for name in (".splat-notes", ".splat-worker-notebook", ".splat-worker-mine1234")
    ]
    assert run(photos, "-o", out) == 0
    assert not left.exists()
    assert {path.read_text() for path in mine} == {MINE}


def test_a_file_of_ours_that_was_changed_is_the_persons(
    photos: Path, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(photos, "-o", out) == 0
    put(out / "splat.ply", "edited for hours")
    before = snapshot(out)
    assert run(photos, "-o", out) == 1
    refused(capsys.readouterr().err.splitlines()[-1], "'splat.ply'", "was changed")
    assert snapshot(out) == before


def test_with_overwrite_other_things_stay_and_ours_is_replaced(
    photos: Path, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(photos, "-o", out, "-p", "iterations=20") == 0
    mine = [put(out / "scene" / "notes.txt"), put(out / "model" / "house.blend")]
    capsys.readouterr()
    assert run(photos, "-o", out) == 1
    refused(capsys.readouterr().err, "notes.txt", "--overwrite")
    assert run(photos, "-o", out, "-p", "iterations=10", "--overwrite") == 0
    assert {path.read_text() for path in mine} == {MINE}
    assert [path.name for path in (out / "model" / "point_cloud").iterdir()] == ["iteration_10"]


def test_overwrite_overwrites_nothing_of_the_persons(
    photos: Path, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    put(out / "splat.ply")
    put(out / "scene" / "images" / "IMG_0001.jpg")
    before = snapshot(out)
    assert run(photos, "-o", out, "--overwrite") == 1
    refused(capsys.readouterr().err)
    assert snapshot(out) == before


def test_what_a_version_without_records_has_made_is_replaced(photos: Path, out: Path) -> None:
    assert run(photos, "-o", out, "-p", "iterations=20") == 0
    for record in out.rglob(RECORD):
        record.unlink()
    shutil.rmtree(out / "scene")  # the stand-in's has no account
    log = {"iteration": 20, "loss": 0.1, "gaussians": 40}
    put(out / "model" / "train_log.jsonl", json.dumps(log) + "\n")
    assert run(photos, "-o", out, "-p", "iterations=10") == 0
    assert [path.name for path in (out / "model" / "point_cloud").iterdir()] == ["iteration_10"]


def test_a_copy_that_keeps_times_is_ours_and_one_that_does_not_is_not(photos: Path, out: Path, tmp_path: Path) -> None:
    assert run(photos, "-o", out) == 0
    shutil.copytree(out, tmp_path / "kept")
    assert run(photos, "-o", tmp_path / "kept") == 0
    shutil.copytree(out, tmp_path / "anew", copy_function=shutil.copyfile)
    for path in (tmp_path / "anew").rglob("*"):
        os.utime(path, ns=(10**18, 10**18))
    assert run(photos, "-o", tmp_path / "anew") == 1


@pytest.mark.parametrize("way", ["same", "slash", "link", "relative", "new"])
def test_out_is_the_photos(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    (tmp_path / "link").symlink_to(photos)
    monkeypatch.chdir(tmp_path)
    before = snapshot(photos)
    given = {"same": str(photos), "slash": f"{photos}/", "link": "link", "relative": "photos/../photos"}.get(
        way, "new/../photos"
    )
    assert run(photos, "-o", given) == 1
    refused(capsys.readouterr().err, "is what is to be read")
    assert snapshot(photos) == before


def test_photos_in_out_and_out_in_photos_both_work(photos: Path, tmp_path: Path) -> None:
    assert run(photos, "-o", tmp_path) == 0
    assert len(list(photos.iterdir())) == 5
    assert run(photos, "-o", photos / "out") == 0
    assert run(photos, "-o", photos / "out") == 0
    assert json.loads((photos / "out" / "result.json").read_text())["photos"]["given"] == 5


def test_photos_in_the_scene_that_would_be_replaced(
    photos: Path, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(photos, "-o", out) == 0
    before = snapshot(out)
    capsys.readouterr()
    assert run(out / "scene" / "images", "-o", out) == 1
    refused(capsys.readouterr().err, "holds what is to be read")
    assert snapshot(out) == before


def test_links_in_out_are_not_followed(
    photos: Path, out: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    precious = put(tmp_path / "elsewhere" / "splat.ply")
    out.mkdir()
    (out / "splat.ply").symlink_to(precious)
    assert run(photos, "-o", out) == 1
    refused(capsys.readouterr().err, "splat.ply")
    assert (out / "splat.ply").is_symlink()
    assert precious.read_text() == MINE


def test_a_scene_that_is_a_link_to_another_disk_stays_one(photos: Path, out: Path, tmp_path: Path) -> None:
    (tmp_path / "large disk").mkdir()
    out.mkdir()
    (out / "scene").symlink_to(tmp_path / "large disk")
    assert run(photos, "-o", out) == 0
    assert run(photos, "-o", out) == 0
    assert (out / "scene").is_symlink()
    assert (tmp_path / "large disk" / "images" / "IMG_0001.jpg").is_file()


@pytest.mark.parametrize("where", ["out.txt", "out.txt/below", "nothing", "nothing/below", "new/../out.txt"])
def test_out_is_no_folder(photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], where: str) -> None:
    put(tmp_path / "out.txt")
    (tmp_path / "nothing").symlink_to(tmp_path / "gone")
    assert run(photos, "-o", tmp_path / where) == 1
    refused(capsys.readouterr().err, f"'{tmp_path / where}'", "a folder is needed")
    assert (tmp_path / "out.txt").read_text() == MINE


@pytest.mark.parametrize(("number", "code"), [(errno.EROFS, "invalid_job"), (errno.ENOSPC, "disk_full")])
def test_a_disk_that_takes_nothing_is_told_before_any_work(
    photos: Path, out: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, number: int, code: str
) -> None:
    def refuse(*arguments: Any, **more: Any) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(tempfile, "TemporaryFile", refuse)
    assert run(photos, "-o", out) == 1
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert f"'{out}'" in told
    assert told.strip().endswith(f"[{code}]")


def test_a_folder_that_was_empty_is_there_after_a_failure_and_one_that_was_not_there_is_not(
    tmp_path: Path, out: Path
) -> None:
    (tmp_path / "none").mkdir()
    out.mkdir()
    assert run(tmp_path / "none", "-o", out) == 1
    assert out.is_dir()
    assert run(tmp_path / "none", "-o", tmp_path / "a" / "b" / "c") == 1
    assert not (tmp_path / "a").exists()


# Mounts, which need root


def in_a_namespace(script: str, *words: object) -> subprocess.CompletedProcess[str]:
    if shutil.which("unshare") is None or subprocess.run(["unshare", "-m", "true"], capture_output=True).returncode:
        pytest.skip("mounting needs root, and unshare")
    root = str(Path(__file__).parents[2])
    return subprocess.run(
        ["unshare", "-m", "sh", "-ec", script, "sh", *map(str, words)],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": root},
        check=False,
    )


RUN = (
    "import json, sys; from splatworker.commands import run as run_cli; "
    "sys.exit(run_cli.main(sys.argv[2:], command=json.loads(sys.argv[1])))"
)


def test_a_mount_point_is_filled_in_place(photos: Path, out: Path) -> None:
    (out / "scene").mkdir(parents=True)
    script = (
        'mount -t tmpfs none "$1/scene"; mkdir "$1/scene/lost+found"; shift; '
        f'{sys.executable} -c \'{RUN}\' "$@" && {sys.executable} -c \'{RUN}\' "$@"; ls "$3/scene/images"'
    )
    command = [json.dumps(stand_in()), photos, "-o", out, "--ply-only"]
    done = in_a_namespace(script.replace('"$3/', f'"{out}/'), out, *command)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [f"IMG_{number:04d}.jpg" for number in range(1, 6)]


def test_a_read_only_disk(photos: Path, out: Path) -> None:
    out.mkdir()
    script = (
        'mount --bind "$1" "$1"; mount -o remount,bind,ro "$1"; shift; '
        f'{sys.executable} -m splatworker run "$1" -o "$2" || {sys.executable} -m splatworker sfm "$1" -o "$2"'
    )
    done = in_a_namespace(script, out, photos, out / "x")
    assert done.returncode == 1
    for line in done.stderr.strip().splitlines():
        refused(line, f"'{out / 'x'}'", "read-only")


# Scenes, photos, pictures, files


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
