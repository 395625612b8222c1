"""`splatworker train` and `eval` as commands: events, exit statuses, signals."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from splatworker.formats.folder_record import RECORD
from splatworker.train import cli

TRAIN = [sys.executable, "-c", "import sys; from splatworker.train.cli import main; sys.exit(main(sys.argv[1:]))"]
QUICK = ["--iterations", "20", "--sh_degree", "0", "--eval", "--device", "cpu"]


def _events(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_json_lines_and_result(tiny_scene: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status = cli.main(["-s", str(tiny_scene), "-m", str(tmp_path / "m"), "--json", "--debug", *QUICK])
    assert status == 0
    events = _events(capsys.readouterr().out)
    assert events[0] == {
        "event": "warning",
        "stage": "train",
        "message": "Without effect on this trainer: debug.",
    }
    assert {event["event"] for event in events[1:-1]} == {"progress"}
    assert events[-1]["event"] == "result"
    assert Path(events[-1]["result"]["ply"]).is_file()
    assert events[-1]["result"]["quality"]["test"]["photos"][0]["name"] == "photo000.png"


def test_words_for_people(tiny_scene: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["-s", str(tiny_scene), "-m", str(tmp_path / "m"), *QUICK]) == 0
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "Gaussians after 20 iterations" in captured.err
    assert "held out" in captured.err


def test_error_event_and_exit_status(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["-s", str(tmp_path / "nowhere"), "-m", str(tmp_path / "m"), "--json"]) == 1
    (event,) = _events(capsys.readouterr().out)
    assert (event["event"], event["code"], event["stage"]) == ("error", "invalid_scene", "train")
    assert not (tmp_path / "m").exists()
    assert cli.main(["-s", str(tmp_path / "nowhere"), "-m", str(tmp_path / "m")]) == 1
    captured = capsys.readouterr()
    assert (captured.out, captured.err.count("\n")) == ("", 1)
    assert "does not exist" in captured.err


def test_sigterm_stops_quickly_with_nothing_half_written(tiny_scene: Path, tmp_path: Path) -> None:
    model = tmp_path / "m"
    command = [*TRAIN, "-s", str(tiny_scene), "-m", str(model), "--json", "--iterations", "1000000", "--device", "cpu"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if '"training"' in line:
                break
        process.send_signal(signal.SIGTERM)
        rest = process.stdout.read()
        assert process.wait() == 1
    assert _events(rest)[-1]["code"] == "cancelled"
    files = {path.name for path in model.rglob("*") if path.is_file()}
    assert files == {RECORD, "cfg_args", "cameras.json", "input.ply"}


def test_a_gpu_without_the_torch_that_was_asked_for_is_not_left_idle_unsaid(
    tiny_scene: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("splatworker.render.backend.find_gpus", lambda: {"code": "", "reason": ""})
    monkeypatch.setattr("splatworker.render.backend.find_spec", lambda name: None)
    monkeypatch.setattr("splatworker.render.backend.torch_refusal", lambda: "torch is not installed")
    monkeypatch.setenv("SPLATWORKER_ARRAYS", "torch")
    assert cli.main(["-s", str(tiny_scene), "-m", str(tmp_path / "model"), "--iterations", "2", "--json"]) == 0
    assert "pip install 'torch>=2.8'" in capsys.readouterr().out
