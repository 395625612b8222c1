"""The stages that talk to the network: what they are asked by standard input, never on a command line."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest


def ask(stage: str, request: dict[str, Any]) -> tuple[int, dict[str, Any], str]:
    """(status, last event, standard error) of a stage."""
    command = [sys.executable, "-P", "-m", "splatworker", stage, "--json"]
    done = subprocess.run(command, input=json.dumps(request), capture_output=True, text=True, check=False)
    return done.returncode, json.loads(done.stdout.splitlines()[-1]), done.stderr


def test_a_local_splat_is_put_where_it_is_wanted(tmp_path: Path) -> None:
    (tmp_path / "a.ply").write_bytes(b"splat")
    target = tmp_path / "out" / "b.ply"
    request = {"path": str(tmp_path / "a.ply"), "url": str(target), "local": True, "content_type": "x/y"}
    status, event, _ = ask("upload", request)
    assert (status, event["event"], event["result"]) == (0, "result", {"file_size": 5})
    assert target.read_bytes() == b"splat"


@pytest.mark.parametrize("stage", ["upload", "notify"])
def test_a_forbidden_address_is_an_error_of_delivery_without_its_secret(stage: str, tmp_path: Path) -> None:
    (tmp_path / "a.ply").write_bytes(b"splat")
    url = "http://127.0.0.1:1/a?X-Amz-Signature=5ECRET"
    status, event, told = ask(
        stage,
        {"path": str(tmp_path / "a.ply"), "local": False, "content_type": "x/y", "url": url}
        | {"message": {"status": "completed", "job_id": "j", "project_id": None}, "secret": None, "tries": 1},
    )
    assert (status, event["event"], event["stage"]) == (1, "error", "deliver")
    assert "5ECRET" not in json.dumps(event) + told


@pytest.mark.parametrize("stage", ["fetch", "fetch-videos", "upload", "notify"])
@pytest.mark.parametrize("request_text", ["", "[]"])
def test_whoever_else_calls_them_gets_one_sentence(stage: str, request_text: str) -> None:
    command = [sys.executable, "-P", "-m", "splatworker", stage]
    done = subprocess.run(command, input=request_text, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.splitlines()[-1].startswith("Error: ")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("stage", ["fetch", "fetch-videos"])
def test_where_a_splat_shall_go_is_looked_at_before_anything_is_fetched(stage: str, tmp_path: Path) -> None:
    """The resolver's own forms of an address inside, and names of it, are known to nobody before."""
    targets = ["https://1.1.1.1/a.ply", "http://2130706433/a.ply?X-Amz-Signature=5ECRET"]
    request = {"urls": ["http://127.0.0.1:9/a"], "folder": str(tmp_path / "in"), "local": False, "targets": targets}
    status, event, _ = ask(stage, request)
    assert (status, event["code"], event["stage"]) == (1, "upload_refused", "deliver")
    assert "http://2130706433/a.ply: its address is not public" in event["message"]
    assert not (tmp_path / "in").exists()
