"""Job files as people have them: of every editor and shell, and broken in every way."""

from __future__ import annotations

import codecs
import json
from pathlib import Path
from typing import Any

import pytest

from splatworker.contract import job_file

JOB = {"input": {"project_id": "Käse 🧀", "params": {"iterations": 7000}}}
TEXT = json.dumps(JOB, ensure_ascii=False)


@pytest.mark.parametrize(
    "content",
    [
        TEXT.encode(),
        codecs.BOM_UTF8 + TEXT.encode(),
        codecs.BOM_UTF16_LE + TEXT.encode("utf-16-le"),  # as PowerShell 5 writes what a command prints
        codecs.BOM_UTF16_BE + TEXT.encode("utf-16-be"),
        TEXT.replace(", ", ",\r\n").encode() + b"\r\n",
        json.dumps(JOB).encode(),
    ],
)
def test_a_job_of_any_editor(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "job.json").write_bytes(content)
    assert job_file.read(tmp_path / "job.json") == JOB


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"\xff",
        b"{}{}",
        b'{"a": }',
        b"\x00\x00",
        b"[" * 100_000,
        b'"\xed\xa0\x80"',
        b"1" * 5000,
        b" " * (17 << 20),
    ],
)
def test_what_is_none_is_an_error_that_handlers_know(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "job.json").write_bytes(content)
    with pytest.raises(ValueError):
        job_file.read(tmp_path / "job.json")


@pytest.mark.parametrize("document", ['{"a": 1, "b": 2, "a": 3}', '{"input": {"params": {"a": 1, "a": null}}}'])
def test_a_name_with_two_values_is_no_choice_of_ours(document: str, tmp_path: Path) -> None:
    (tmp_path / "job.json").write_text(document)
    with pytest.raises(ValueError, match="'a' stands in one object twice"):
        job_file.read(tmp_path / "job.json")


@pytest.mark.parametrize("value", ["1", "{}", "null"])
def test_a_name_twice_with_one_value_says_nothing_new(value: str, tmp_path: Path) -> None:
    (tmp_path / "job.json").write_text(f'{{"a": {value}, "a": {value}}}')
    read: Any = job_file.read(tmp_path / "job.json")
    assert read == {"a": json.loads(value)}
