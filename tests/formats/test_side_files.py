"""Files beside a splat tell something or nothing, and are never a fault."""

from __future__ import annotations

from pathlib import Path

import pytest
from support import no_files

from splatworker.export.view_splat import is_y_up
from splatworker.formats import side_files
from splatworker.formats.folder_kinds import MODEL, SCENE
from splatworker.formats.folder_record import RECORD, ours
from splatworker.formats.side_files import json_of, text_of

TEXTS = [
    b"",
    b"5",
    b"[1]\n5",
    b"\xff",
    b"[" * 100_000,
    b'{"files": {"a": [1e999, 0]}, "axes": 5}',
    b"null",
    b'{"a":' * 9,
]


@pytest.mark.parametrize("odd", [*no_files.KINDS, *TEXTS], ids=lambda odd: str(odd)[:12])
def test_nobody_waits_for_them_or_breaks_of_them(tmp_path: Path, odd: str | bytes) -> None:
    for name in ("frame.json", RECORD, "train_log.jsonl", "report.json"):
        if isinstance(odd, str):
            no_files.put(tmp_path / name, odd)
        else:
            (tmp_path / name).write_bytes(odd)
    (tmp_path / "a.ply").write_bytes(b"ply\n")
    text_of(tmp_path / "frame.json")
    json_of(tmp_path / "frame.json")
    assert not is_y_up(tmp_path / "a.ply")
    assert list(ours(tmp_path, MODEL.earlier)) == []
    assert list(ours(tmp_path, SCENE.earlier)) == []


def test_what_is_larger_than_any_tells_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.json").write_text("[1, 2]")
    assert json_of(tmp_path / "a.json") == [1, 2]
    monkeypatch.setattr(side_files, "MOST_BYTES", 5)
    assert json_of(tmp_path / "a.json") is None
