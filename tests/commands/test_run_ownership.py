"""A whole run leaves what is not ours as it is: files of people and of other programs, links, mounts, full disks."""

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
from support.jobs import stand_in
from support.others_files import MINE, put, refused, run, snapshot

from splatworker.formats.folder_record import RECORD


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
