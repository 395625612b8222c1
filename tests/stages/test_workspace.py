"""A job's folder: private, gone at the end, and swept up after workers that were killed."""

from __future__ import annotations

import errno
import shutil
import stat
import tempfile
from pathlib import Path

import pytest

from splatworker.errors import DiskFull, NoWorkspace, OutOfMemory
from splatworker.stages import workspace
from splatworker.stages.workspace import check_room, private_workspace, size_of


def test_it_is_private_and_goes_whatever_happens(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), private_workspace(tmp_path) as folder:
        (folder / "scene").mkdir()
        assert stat.S_IMODE(folder.stat().st_mode) == stat.S_IRWXU
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_worker_left_goes_and_what_is_in_use_stays(tmp_path: Path) -> None:
    left = tmp_path / ".splat-left"
    left.mkdir(mode=0o700)
    with private_workspace(tmp_path) as first, private_workspace(tmp_path) as second:
        assert not left.exists()
        assert first.is_dir()
        assert second.is_dir()


def test_in_a_persons_folder_only_what_is_certainly_ours_goes(tmp_path: Path) -> None:
    theirs = [tmp_path / ".splat-theirs", tmp_path / ".splat-worker-12345678"]
    for folder in theirs:
        folder.mkdir(mode=0o755)
    ours = tmp_path / ".splat-worker-abcdefgh"
    ours.mkdir(mode=0o700)
    with private_workspace(tmp_path, in_output=True):
        assert all(folder.is_dir() for folder in theirs)
        assert not ours.exists()


def test_a_stage_for_which_there_is_no_room_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    check_room(tmp_path, "sfm", 0)
    with pytest.raises(DiskFull, match="sfm needs"):
        check_room(tmp_path, "sfm", shutil.disk_usage(tmp_path).total)
    monkeypatch.setattr(workspace, "available_memory", lambda: workspace.LEAST_MEMORY - 1)
    with pytest.raises(OutOfMemory, match="511 MiB of memory are free before sfm"):
        check_room(tmp_path, "sfm", 0)
    monkeypatch.setattr(workspace, "available_memory", lambda: None)
    check_room(tmp_path, "sfm", 0)


def test_the_size_of_a_folder_is_that_of_its_files(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "file").write_bytes(bytes(1000))
    (tmp_path / "file").write_bytes(bytes(24))
    assert size_of(tmp_path) == 1024


@pytest.mark.parametrize("named", ["gone", "file"])
def test_a_place_that_cannot_be_worked_in_is_named(named: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv(workspace.WORKSPACE, str(tmp_path / named))
    with pytest.raises(NoWorkspace, match=named) as caught, private_workspace():
        pass
    assert workspace.WORKSPACE in caught.value.hint


def test_a_machine_without_a_place_for_temporary_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a container whose root is read-only, and that has nothing else."""

    def none() -> str:
        raise FileNotFoundError(errno.ENOENT, "No usable temporary directory found in ['/tmp']")

    monkeypatch.delenv(workspace.WORKSPACE, raising=False)
    monkeypatch.setattr(tempfile, "gettempdir", none)
    with pytest.raises(NoWorkspace, match="There is no folder to work in"), private_workspace():
        pass
