"""What stands among the workspaces, or in one: links and worse are removed or left alone, and never followed."""

from __future__ import annotations

import fcntl
import os
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from splatworker.errors import SplatError
from splatworker.stages import removal
from splatworker.stages.workspace import private_workspace


@pytest.fixture
def parent(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "workspaces"
    folder.mkdir()
    folder.chmod(0o1777)
    yield folder
    assert stat.S_IMODE(folder.stat().st_mode) == 0o1777


@pytest.fixture
def victim(tmp_path: Path) -> Iterator[Path]:
    """A folder with a file that nobody here may touch."""
    folder = tmp_path / "victim"
    folder.mkdir()
    (folder / "file").write_text("precious")
    (folder / "file").chmod(0o604)
    folder.chmod(0o755)
    os.utime(folder, (0, 0))
    yield folder
    assert (folder / "file").read_text() == "precious"
    assert stat.S_IMODE((folder / "file").stat().st_mode) == 0o604
    assert stat.S_IMODE(folder.stat().st_mode) == 0o755


def sweep(parent: Path) -> None:
    with private_workspace(parent):
        pass


def test_links_among_the_workspaces_are_left_alone(parent: Path, victim: Path) -> None:
    (parent / ".splat-folder").symlink_to(victim)
    (parent / ".splat-file").symlink_to(victim / "file")
    (parent / ".splat-nowhere").symlink_to(parent / "nowhere")
    (parent / ".splat-round").symlink_to(".splat-round")
    sweep(parent)
    assert len(list(parent.iterdir())) == 4


def test_what_is_no_folder_is_left_alone(parent: Path, victim: Path) -> None:
    os.mkfifo(parent / ".splat-pipe")
    os.link(victim / "file", parent / ".splat-hard")
    (parent / ".splat-text").write_text("somebody's")
    sweep(parent)
    assert len(list(parent.iterdir())) == 3


def fill(folder: Path, victim: Path) -> None:
    """Whatever a hostile stage leaves."""
    (folder / "link").symlink_to(victim)
    (folder / "link-to-file").symlink_to(victim / "file")
    os.link(victim / "file", folder / "hard")
    os.mkfifo(folder / "pipe")
    (folder / "1").mkdir()  # names that removal itself would choose
    (folder / "1" / "2").mkdir()
    (folder / "1" / "1").mkdir()
    (folder / "locked" / "inner").mkdir(parents=True)
    (folder / "locked" / "inner" / "file").write_text("x")
    (folder / "locked" / "inner" / "link").symlink_to(victim)
    os.link(victim / "file", folder / "locked" / "inner" / "hard")
    for name in (b"\xff\xfe", b"new\nline", b"-rf", b" ", "\u202e".encode()):
        with Path(os.fsdecode(os.fsencode(folder) + b"/" + name)).open("w") as file:
            file.write("x")
    (folder / "locked" / "inner").chmod(0)
    (folder / "locked").chmod(0o500)


def test_a_workspace_goes_whatever_stands_in_it(parent: Path, victim: Path) -> None:
    with private_workspace(parent) as folder:
        fill(folder, victim)
        folder.chmod(0o500)
    assert list(parent.iterdir()) == []


def test_an_abandoned_workspace_goes_whatever_stands_in_it(parent: Path, victim: Path) -> None:
    (parent / ".splat-old").mkdir()
    fill(parent / ".splat-old", victim)
    sweep(parent)
    assert list(parent.iterdir()) == []


def test_folders_in_folders_without_end(parent: Path) -> None:
    with private_workspace(parent) as folder:
        depth = 1500  # more than paths may be long, and than functions may call one another
        here = os.open(folder, os.O_RDONLY)
        for _ in range(depth):
            os.mkdir("a" * 50, dir_fd=here)
            inner = os.open("a" * 50, os.O_RDONLY, dir_fd=here)
            os.close(here)
            here = inner
        os.close(here)
    assert list(parent.iterdir()) == []


UNPRIVILEGED = """
import os, sys
from pathlib import Path
from splatworker.stages.removal import remove_tree
if os.getuid() == 0:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
folder = Path(sys.argv[1]) / "workspace"
(folder / "a" / "b").mkdir(parents=True)
(folder / "a" / "b" / "file").write_text("x")
(folder / "a" / "b").chmod(0)
(folder / "a").chmod(0)
folder.chmod(0o500)
remove_tree(folder)
sys.exit(folder.exists())
"""


def test_folders_that_their_owner_may_not_open(tmp_path: Path) -> None:
    """As another user than root, who may open everything."""
    for folder in (tmp_path, *tmp_path.parents):
        if folder.stat().st_uid == os.getuid() and len(folder.parts) > 2:
            folder.chmod(folder.stat().st_mode | 0o011)
    tmp_path.chmod(0o777)
    subprocess.run([sys.executable, "-c", UNPRIVILEGED, str(tmp_path)], check=True)


def test_another_file_system_inside_is_left_alone(parent: Path, tmp_path: Path) -> None:
    inside = parent / ".splat-old" / "scene" / "mounted"
    inside.mkdir(parents=True)
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(inside)]
    try:
        if subprocess.run(mount, capture_output=True, check=False).returncode:
            pytest.skip("only root may mount here")
    except FileNotFoundError:
        pytest.skip("there is no mount here")
    try:
        (inside / "file").write_text("somebody's")
        sweep(parent)
        kept = list((parent / ".splat-old").rglob("file"))
        assert [file.read_text() for file in kept] == ["somebody's"]
    finally:
        for line in Path("/proc/mounts").read_text().splitlines():
            if (place := line.split()[1]).startswith(str(parent)):
                subprocess.run(["umount", place], check=True)
    sweep(parent)
    assert list(parent.iterdir()) == []


def test_a_workspace_of_another_user_is_left_alone(parent: Path) -> None:
    if os.getuid() != 0:
        pytest.skip("only root may give a folder away")
    (parent / ".splat-other").mkdir()
    os.chown(parent / ".splat-other", 12345, 12345)
    sweep(parent)
    assert (parent / ".splat-other").is_dir()


def test_an_abandoned_workspace_goes_at_once_and_one_in_use_stays(parent: Path) -> None:
    for name in ("used", "abandoned"):
        (parent / f".splat-{name}").mkdir()
    lock = removal.open_folder(parent / ".splat-used")
    fcntl.flock(lock, fcntl.LOCK_EX)
    sweep(parent)
    assert [folder.name for folder in parent.iterdir()] == [".splat-used"]
    os.close(lock)


def test_many_workers_begin_at_once(parent: Path) -> None:
    """One's sweep may see another's folder before it is locked."""
    lost: list[Path] = []

    def work() -> None:
        for _ in range(40):
            with private_workspace(parent) as folder:
                try:
                    (folder / "file").write_text("x")
                    assert (folder / "file").read_text() == "x"
                except OSError:
                    lost.append(folder)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert lost == []
    assert list(parent.iterdir()) == []


def test_a_file_for_a_folder_of_workspaces_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SplatError, match="file"), private_workspace(tmp_path / "file"):
        pass
