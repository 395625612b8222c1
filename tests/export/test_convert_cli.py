"""`splatworker convert`: every format becomes every other."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from splatworker.export import convert_cli
from splatworker.formats.find import find_splat
from splatworker.splat_files.records import FORMATS
from splatworker.splat_files.registry import read_any, write_any


@pytest.mark.parametrize("target", FORMATS)
@pytest.mark.parametrize("source", ["ply", "spz", "sog"])
def test_every_format_becomes_every_other(
    source: str, target: str, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = tmp_path / f"a{FORMATS[source].suffix}", tmp_path / f"b{FORMATS[target].suffix}"
    assert convert_cli.main([str(model), str(first), "--device", "cpu", "--json"]) == 0
    assert convert_cli.main([str(first), str(second), "--device", "cpu"]) == 0
    assert "400 Gaussians" in capsys.readouterr().err
    stored = read_any(second)
    assert len(stored) == 400
    assert stored.sh_degree == (0 if target == "splat" else 1)


def test_how_it_is_to_be_drawn_goes_along_or_is_said_to_be_lost(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    splat = dataclasses.replace(read_any(find_splat(model)), antialiased=True)
    write_any(tmp_path / "a.ply", splat)
    source = tmp_path / "a.ply"
    for target in ("a.spz", "a.sog", "a.compressed.ply", "b.ply"):
        assert convert_cli.main([str(source), str(tmp_path / target), "--device", "cpu"]) == 0
        assert "antialiasing" not in capsys.readouterr().err
        assert read_any(tmp_path / target).antialiased
        source = tmp_path / target
    assert convert_cli.main([str(source), str(tmp_path / "a.splat"), "--json"]) == 0
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    (warning,) = [event["message"] for event in events if event["event"] == "warning"]
    assert warning.startswith("A .splat file cannot say that its splat was trained with antialiasing")


def test_what_cannot_be_converted_is_told(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert convert_cli.main([str(tmp_path / "none.ply"), str(tmp_path / "a.spz")]) == 1
    assert "none.ply" in capsys.readouterr().err
    assert convert_cli.main([str(model), str(tmp_path / "a.obj"), "--json"]) == 1
    event = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert event["event"] == "error"
    assert ".spz" in event["hint"]
    assert event["code"] == "invalid_param"
    assert list(tmp_path.iterdir()) == []
