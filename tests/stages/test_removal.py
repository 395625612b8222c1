"""A folder goes with all that is in it, and nothing else does; hostile trees are in tests/attacks/test_folders.py."""

from __future__ import annotations

from pathlib import Path

from splatworker.stages.removal import remove_tree


def test_what_a_link_leads_to_stays(tmp_path: Path) -> None:
    outside, folder = tmp_path / "outside", tmp_path / "folder"
    outside.mkdir()
    (outside / "photo.jpg").write_text("mine")
    (folder / "inside" / "deeper").mkdir(parents=True)
    (folder / "inside" / "deeper" / "file").write_text("x")
    (folder / "inside").chmod(0)
    (folder / "link").symlink_to(outside)
    remove_tree(folder)
    assert not folder.exists()
    assert (outside / "photo.jpg").read_text() == "mine"


def test_a_link_to_a_folder_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "folder")
    remove_tree(tmp_path / "link")
    assert (tmp_path / "folder").is_dir()
    assert (tmp_path / "link").is_symlink()
    remove_tree(tmp_path / "nothing")
