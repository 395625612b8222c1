"""`splatworker doctor` on machines that are fit, and on such as are not; its stages are the real ones."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from support.jobs import stand_in

from splatworker.commands import doctor
from splatworker.pipeline import fitness


@pytest.fixture(autouse=True)
def own_workspaces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPLATWORKER_WORKSPACE", str(tmp_path))
    monkeypatch.setattr(fitness, "available_memory", lambda: 8 << 30)  # what else runs here may have most of it


def findings(capsys: pytest.CaptureFixture[str], *arguments: str, faults: tuple[str, ...] = ()) -> tuple[int, Any]:
    status = doctor.main([*arguments, "--json"], command=stand_in(*faults))
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    return status, {line["name"]: line for line in lines}


def test_a_machine_that_can_do_a_job_is_told_with_its_time(capsys: pytest.CaptureFixture[str]) -> None:
    status, found = findings(capsys)
    assert status == 0
    assert list(found) == ["memory", "processors", "disk", "GPU", "kernels", "COLMAP", "50 photos"]
    assert all(line["ok"] for line in found.values())
    assert found["processors"]["count"] >= 1
    assert found["50 photos"]["cameras_s"] > 0
    assert found["50 photos"]["training_s"] > 0


def test_for_a_person(capsys: pytest.CaptureFixture[str]) -> None:
    assert doctor.main(["--quick"], command=stand_in("gpu=yes")) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[3] == "GPU         Pretended GPU, 16 GiB, compute capability 9.0; the driver supports CUDA 13.0"
    assert lines[4] == "kernels     a test picture was drawn on the GPU"
    assert len(lines) == 6


def test_what_is_missing_is_a_sentence_and_the_rest_is_looked_at(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fitness, "FITNESS_DISK", 1 << 60)
    status, found = findings(capsys, "--require-gpu", faults=("gpu=old-driver",))
    assert status == 1
    assert {name: line.get("code") for name, line in found.items() if not line["ok"]}["disk"] == "disk_full"
    assert found["GPU"]["code"] == "driver_too_old"
    assert "525.60.13" in found["GPU"]["hint"]
    assert found["COLMAP"]["ok"]
    assert "50 photos" not in found  # no time for what cannot be done


def test_without_a_gpu_a_preview_is_no_fault(capsys: pytest.CaptureFixture[str]) -> None:
    status, found = findings(capsys, "--quick", faults=("gpu=gone",))
    assert status == 0
    assert found["GPU"]["words"] == "none: the NVIDIA driver reports error 999"


def test_how_fast_a_photo_arrives(
    capsys: pytest.CaptureFixture[str], httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPLATWORKER_ALLOW_PRIVATE_URLS", "1")
    httpserver.expect_request("/a.jpg").respond_with_data(b"x" * 500_000)
    status, found = findings(capsys, "--quick", "--url", httpserver.url_for("/a.jpg"), faults=("gpu=yes",))
    assert status == 0
    assert found["network"]["bytes"] == 500_000
    status, found = findings(capsys, "--quick", "--url", httpserver.url_for("/none.jpg"), faults=("gpu=yes",))
    assert status == 1
    assert "the server answered" in found["network"]["words"]


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 1)], ids=["Ctrl-C", "SIGTERM"])
@pytest.mark.parametrize("as_json", [False, True], ids=["for people", "for programs"])
def test_stopped_it_says_so_and_leaves_nothing(
    tmp_path: Path, number: signal.Signals, status: int, as_json: bool
) -> None:
    """Its folder stayed where it works when somebody pressed Ctrl-C."""
    words = [sys.executable, "-P", "-m", "splatworker", "doctor", *["--json"] * as_json]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert "memory" in process.stdout.readline()  # its folder is there
        assert len(list(tmp_path.iterdir())) == 1
        process.send_signal(number)
        out, err = process.communicate(timeout=120)
    assert process.returncode == status, err
    assert list(tmp_path.iterdir()) == []
    if as_json:
        assert json.loads(out.splitlines()[-1])["code"] == "cancelled"
        assert err == ""
    else:
        assert err.strip() == "Error: The command was stopped. [cancelled]"


def test_no_folder_to_work_in(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPLATWORKER_WORKSPACE", "/dev/null/nowhere")
    assert doctor.main(["--quick"]) == 1
    assert capsys.readouterr().err.startswith("Error: ")
