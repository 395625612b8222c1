"""`splatworker train` opens the GPU and reads the scene before it imports its trainer, and is then the same command."""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path

import pytest
from support.one_thread import one_thread_gpu

from splatworker.train import start
from splatworker.train.loading import Loading
from splatworker.train.options import Options, parse

RANKS = ("RANK", "LOCAL_RANK", "WORLD_SIZE")

WATCHED = """
import gc, sys
from splatworker.render import opening
from splatworker.train import start
def noted(device):
    large = {"argparse", "dataclasses", "typing", "numpy", "PIL", "splatworker.train.trainer"}
    print(device, sorted(large & sys.modules.keys()))
start.open_soon = noted
status = start.main(sys.argv[1:])
print(status, gc.get_freeze_count() > 10_000)
"""


def test_it_begins_before_anything_large_is_loaded(tmp_path: Path) -> None:
    words = ["-s", str(tmp_path / "none"), "-m", str(tmp_path / "m"), "--device", "auto"]
    clean = {name: value for name, value in os.environ.items() if name not in RANKS}
    told = subprocess.check_output(
        [sys.executable, "-c", WATCHED, *words], env=clean, text=True, stderr=subprocess.PIPE
    )
    assert told.splitlines() == ["auto []", "1 True"]


@pytest.mark.parametrize(
    ("words", "device"),
    [
        ([], "auto"),
        (["--device", "cuda"], "cuda"),
        (["--device=cpu", "--iterations", "3"], "cpu"),
        (["--device", "cuda", "--device", "cpu"], "cpu"),
        (["--devi", "cuda"], "cuda"),
        (["--data_device", "cpu", "--densify_from_iter", "3", "--deterministic"], "auto"),
        (["--device"], ""),
        (["--device", "tpu"], "tpu"),
        (["--device", "cuda", "--help"], ""),
        (["-h"], ""),
    ],
)
def test_the_device_is_the_one_that_the_options_will_have(words: list[str], device: str) -> None:
    assert start.device_in(["-s", "scene", *words]) == device
    if device in ("auto", "cpu", "cuda"):
        assert parse(["-s", "scene", *words])[0].device == device


def test_of_a_training_that_fails_one_sentence_is_said(tmp_path: Path) -> None:
    """And nothing of kernels that the error, by its traceback, keeps from being freed at the end."""
    words = ["-s", str(tmp_path / "none"), "-m", str(tmp_path / "m"), "--device", "cpu"]
    done = subprocess.run(
        [sys.executable, "-m", "splatworker", "train", *words], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr == f"Error: The scene folder {tmp_path}/none does not exist. [invalid_scene]\n"


@pytest.mark.parametrize(("ranks", "opened"), [({}, ["cuda"]), (dict.fromkeys(RANKS, "2"), [])])
def test_one_of_several_leaves_it_to_torch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ranks: dict[str, str], opened: list[str]
) -> None:
    for name in RANKS:
        monkeypatch.delenv(name, raising=False)
    for name, value in ranks.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(gc, "freeze", lambda: None)
    asked: list[str] = []
    monkeypatch.setattr(start, "open_soon", asked.append)
    begun: list[Loading | None] = []

    def run(options: Options, unused: list[str], loading: Loading | None) -> int:
        begun.append(loading)
        with loading or nullcontext():
            return 0

    monkeypatch.setattr("splatworker.train.cli.run", run)
    assert start.main(["-s", str(tmp_path), "--device", "cuda"]) == 0
    assert asked == opened
    assert [loading is not None for loading in begun] == [not ranks]


READS = """
import sys
from splatworker.train import loading, start
class Watched(loading.Loading):
    def __init__(self, options):
        print(sorted({"splatworker.train.cli", "splatworker.train.trainer"} & sys.modules.keys()))
        super().__init__(options)
        print(len(self.loaded().train_photos) > 0)
loading.Loading = Watched
print(start.main(sys.argv[1:]))
"""


def test_the_scene_is_read_before_the_trainer_is_loaded(tiny_scene: Path, tmp_path: Path) -> None:
    words = ["-s", str(tiny_scene), "-m", str(tmp_path / "m"), "--iterations", "1", "--device", "cpu", "--quiet"]
    clean = {name: value for name, value in os.environ.items() if name not in RANKS}
    told = subprocess.check_output([sys.executable, "-c", READS, *words], env=clean, text=True, stderr=subprocess.PIPE)
    assert told.splitlines() == ["[]", "True", "0"]


def test_it_trains(
    tiny_scene: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(gc, "freeze", lambda: None)  # of this process, which goes on
    words = ["-s", str(tiny_scene), "-m", str(tmp_path / "m"), "--iterations", "2", "--device", "cpu", "--json"]
    assert start.main(words) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["result"]["iterations"] == 2


def test_a_gpu_that_cannot_be_used_is_told_as_ever(tiny_scene: Path, tmp_path: Path) -> None:
    environment = one_thread_gpu(tmp_path, FAKE_CUDA_FAILS="cuDevicePrimaryCtxRetain=2")
    words = ["train", "-s", str(tiny_scene), "-m", str(tmp_path / "m"), "--device", "cuda", "--json"]
    command = [sys.executable, "-m", "splatworker", *words]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert json.loads(done.stdout.splitlines()[-1])["code"] == "out_of_memory"
    assert not (tmp_path / "m").exists()
