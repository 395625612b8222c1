"""A folder is filled whole where it is new, and file by file where it is there."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from splatworker.errors import DiskFull, InvalidJob
from splatworker.formats import filling
from splatworker.formats.folder_record import RECORD, Kind, ours

ANY = Kind(lambda name: True, lambda folder: [])


def made(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        path = folder / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def names(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()} - {RECORD}


def test_a_new_folder_appears_whole_and_an_old_one_has_ours_replaced(tmp_path: Path) -> None:
    out = tmp_path / "deep" / "out"
    filling.fill(out, made(tmp_path / "a", x="1", below__y="2"), ANY, "sfm")
    assert set(ours(out)) == names(out) == {"x", "below/y"}
    (out / "mine").write_text("a person's")
    filling.fill(out, made(tmp_path / "b", x="3"), ANY, "sfm")
    assert names(out) == {"x", "mine"}
    assert (out / "x").read_text() == "3"
    assert not (out / "below").exists()
    assert ours(out) == ["x"]


def test_what_is_somebodys_ends_the_filling(tmp_path: Path) -> None:
    out = made(tmp_path / "out", x="a person's")
    with pytest.raises(InvalidJob, match="holds x, which splatworker did not make"):
        filling.fill(out, made(tmp_path / "a", x="1"), ANY, "sfm")
    assert (out / "x").read_text() == "a person's"


def test_folders_that_stay_empty_go_again(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), filling.folder_to_fill(tmp_path / "a" / "b", "run") as folder:
        assert folder.is_dir()
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []
    with filling.folder_to_fill(tmp_path / "a" / "b", "run") as folder:
        (folder / "x").touch()
    assert names(tmp_path) == {"a/b/x"}


@pytest.mark.parametrize("whole", [True, False], ids=["a folder", "a file"])
def test_onto_another_disk_nothing_is_moved_by_halves(
    whole: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = made(tmp_path / "a", x="1") if whole else made(tmp_path / "a", x="1") / "x"
    replace = Path.replace

    def other_disk(self: Path, target: Path) -> Path:
        if self == source:
            raise OSError(errno.EXDEV, "Invalid cross-device link")
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", other_disk)
    filling.move(source, tmp_path / "b" / "target")
    assert names(tmp_path / "b") == ({"target/x"} if whole else {"target"})


def test_a_disk_that_fills_up_leaves_no_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = made(tmp_path / "a", x="1")

    def full(self: Path, target: Path) -> Path:
        raise OSError(errno.EXDEV if self == source / "x" else errno.ENOSPC, "x")

    out = made(tmp_path / "out", z="a person's")
    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", full)
        with pytest.raises((DiskFull, OSError)):
            filling.move(source / "x", out / "x")
    assert names(out) == {"z"}
