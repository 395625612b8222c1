"""The GPU is opened before anybody asks for it, once, and by nobody who does not want it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from support.one_thread import one_thread_gpu

from splatworker.render.opening import ARRAYS, open_soon

OPEN = """
from splatworker.render.opening import open_soon
thread = open_soon("auto")
thread.join()
with open({log!r}) as log:
    print(len(log.readlines()))
from splatworker.render.backend import cuda_refusal
print(cuda_refusal())
with open({log!r}) as log:
    print(len(log.readlines()))
"""


def test_whoever_asks_for_it_finds_it_open(tmp_path: Path) -> None:
    log = tmp_path / "log"
    environment = one_thread_gpu(tmp_path, FAKE_CUDA_LOG=str(log))
    command = [sys.executable, "-c", OPEN.format(log=str(log))]
    told = subprocess.check_output(command, env=environment, text=True).splitlines()
    assert int(told[0]) > 0  # images were loaded into it
    assert told[1] == "('', '')"
    assert told[2] == told[0]


@pytest.mark.parametrize(
    ("fails", "code"), [("cuInit=999", "gpu_failed"), ("cuDevicePrimaryCtxRetain=2", "out_of_memory")]
)
def test_what_is_wrong_is_told_to_whoever_asks(tmp_path: Path, fails: str, code: str) -> None:
    log = tmp_path / "log"
    log.touch()
    environment = one_thread_gpu(tmp_path, FAKE_CUDA_LOG=str(log), FAKE_CUDA_FAILS=fails)
    command = [sys.executable, "-c", OPEN.format(log=str(log))]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    assert done.stdout.splitlines()[1].startswith(f"('{code}', ")


def test_nothing_is_opened_for_who_does_not_want_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(ARRAYS, raising=False)
    for device in ("cpu", "", "tpu"):
        assert open_soon(device) is None
    monkeypatch.setenv(ARRAYS, "torch")
    assert open_soon("cuda") is None
