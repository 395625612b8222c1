"""Files are there whole or not at all."""

from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path

import pytest

from splatworker.errors import DiskFull, SplatError
from splatworker.formats.atomic import atomic_file, write_text

FULL_DISK = Path("/dev/full")


def test_writes_and_replaces(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "er" / "file.txt"
    write_text(path, "old", "train")
    write_text(path, "néw", "train")
    assert path.read_text(encoding="utf-8") == "néw"
    assert [p.name for p in path.parent.iterdir()] == ["file.txt"]


@pytest.mark.skipif(not FULL_DISK.exists(), reason="needs Linux's /dev/full")
def test_full_disk_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "file.txt"
    write_text(path, "old", "train")
    (tmp_path / "file.txt.part").symlink_to(FULL_DISK)  # every write to it fails with ENOSPC
    with pytest.raises(DiskFull) as caught:
        write_text(path, "new", "deliver")
    assert (caught.value.code, caught.value.stage) == ("disk_full", "deliver")
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["file.txt"]


def test_interruption_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "file.txt"
    write_text(path, "old", "train")

    def interrupted() -> None:
        with atomic_file(path, "train") as file:
            file.write(b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["file.txt"]


def test_write_that_fails_half_way_leaves_nothing(tmp_path: Path) -> None:
    """A real limit of the system: no file of this process may grow over 64 KiB."""
    code = (
        "import resource, sys; from pathlib import Path; from splatworker.errors import SplatError\n"
        "from splatworker.formats.atomic import write_text\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (65536, resource.RLIM_INFINITY))\n"
        "try: write_text(Path(sys.argv[1]), 'x' * 200000, 'train')\n"
        "except SplatError as error: print(error.message)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "big.txt")], capture_output=True, text=True, check=True
    )
    assert "File too large" in done.stdout
    assert list(tmp_path.iterdir()) == []
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] != 65536


def test_folder_that_cannot_be_made_is_an_error_of_the_tree(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SplatError):
        write_text(tmp_path / "file" / "below.txt", "x", "train")
