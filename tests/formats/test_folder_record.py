"""A folder's record: which files are ours, whoever has written what into it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from splatworker.errors import InvalidJob
from splatworker.formats import folder_record, ownership
from splatworker.formats.folder_kinds import SCENE
from splatworker.formats.folder_record import RECORD

MINE = "The person's own.\n"


def put(path: Path, text: str = MINE) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    "text",
    [
        "", "[]", "{}", '{"files": 1}', '{"files": {"a": "b"}}', '{"files": {"a": [1]}}', '{"files": {"a": ["x", 1]}}',
        "\xff", "[" * 100_000,
    ],
)  # fmt: skip
def test_a_record_that_is_none_vouches_for_nothing(tmp_path: Path, text: str) -> None:
    put(tmp_path / "a")
    (tmp_path / RECORD).write_bytes(text.encode("latin-1"))
    assert folder_record.ours(tmp_path) == []


def test_a_record_of_a_stranger_leads_nowhere_else(tmp_path: Path) -> None:
    victim = put(tmp_path / "victim.txt")
    folder = tmp_path / "scene"
    folder.mkdir()
    (folder / "images").symlink_to(tmp_path)
    names = {"../victim.txt": None, str(victim): None, "images/victim.txt": None}
    put(folder / RECORD, json.dumps({"files": names}))
    assert folder_record.ours(folder) == []
    with pytest.raises(InvalidJob):
        ownership.demand_free(folder, SCENE, "-o", "sfm")
    assert victim.read_text() == MINE


def test_several_processes_note_their_files_in_one_folder(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from splatworker.formats import filling\n"
        "folder = Path(sys.argv[1])\n"
        "for number in range(20):\n"
        "    name = f'{sys.argv[2]}{number}'\n"
        "    with filling.files_to_write(folder, [name], '-o', 'export'):\n"
        "        (folder / name).write_text('x')\n"
    )
    writers = [subprocess.Popen([sys.executable, "-c", code, str(tmp_path), name]) for name in "abc"]
    assert [writer.wait() for writer in writers] == [0, 0, 0]
    assert len(folder_record.ours(tmp_path)) == 60


def test_a_file_that_is_being_written_when_the_process_dies_is_ours(tmp_path: Path) -> None:
    code = (
        "import os, sys; from pathlib import Path; from splatworker.formats import filling\n"
        "folder = Path(sys.argv[1])\n"
        "with filling.files_to_write(folder, ['a'], '-o', 'export'):\n"
        "    (folder / 'a').write_text('x'); os._exit(1)\n"
    )
    assert subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False).returncode == 1
    assert folder_record.ours(tmp_path) == ["a"]
