"""`splatworker export`, and the process that is started ahead of it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from splatworker.export import cli


def test_the_command(model: Path, scene: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = [str(model), "-s", str(scene), "-o", str(tmp_path), "--formats", "spz,splat", "--device", "cpu"]
    assert cli.main([*words, "--json"]) == 0
    last = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert list(last["result"]["outputs"]) == ["spz", "splat"]
    assert cli.main(words) == 0
    assert "splat.spz" in capsys.readouterr().err
    assert cli.main([str(tmp_path / "none"), *words[1:]]) == 1
    assert "[invalid_scene]" in capsys.readouterr().err
    for wrong in ("spz,gltf", ","):
        with pytest.raises(SystemExit) as stopped:
            cli.main([*words[:-3], wrong])
        assert stopped.value.code == 2


def warm_export(*messages: dict[str, Any]) -> subprocess.CompletedProcess[str]:
    """What `splatworker warm export` answers to these messages."""
    lines = "".join(json.dumps(message) + "\n" for message in messages)
    command = [sys.executable, "-m", "splatworker", "warm", "export", "--json"]
    return subprocess.run(command, input=lines, capture_output=True, text=True, check=False)


def test_a_process_that_was_started_ahead(model: Path, scene: Path, tmp_path: Path) -> None:
    words = [str(model), "-s", str(scene), "-o", str(tmp_path / "out"), "--formats", "splat", "--device", "cpu"]
    done = warm_export({"gpu": "free"}, {"arguments": words})
    assert done.returncode == 0, done.stderr
    assert list(json.loads(done.stdout.splitlines()[-1])["result"]["outputs"]) == ["splat"]
    assert warm_export({"arguments": words}).returncode == 0
    assert warm_export({"gpu": "free"}).returncode == 1  # the job has ended before
    assert warm_export().stdout == ""
