"""How driver and kernels are found, with a stand-in for NVIDIA's libcuda: every way in which a GPU cannot be used has a
sentence and a code, and every GPU gets what was compiled for it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from splatworker.machine import gpu as gpu_module

_cuda = pytest.importorskip("splatworker._cuda", reason="built without CUDA kernels")

SUPPORT = Path(__file__).parents[1] / "support"
OLDEST = min(architecture for architecture, _ in _cuda.architectures)
NEWEST_PTX = max(architecture for architecture, ptx in _cuda.architectures if ptx)
FILES = len(list((Path(__file__).parents[2] / "kernels" / "cuda").glob("*.cu")))

ASK = """
import json
from splatworker import _cuda
from splatworker.machine.gpu import find_gpus
found = find_gpus()
print(json.dumps({"found": found, "kernels": [_cuda.obstacle(k) for k in range(max(len(found["gpus"]), 1))]}))
"""


@pytest.fixture(scope="session")
def libraries(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The stand-in, and a library that makes a process find it where WSL has it."""
    compiler = shutil.which("g++")
    if compiler is None:
        pytest.skip("needs g++")
    folder = tmp_path_factory.mktemp("driver")
    flags = [compiler, "-std=c++17", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC"]
    subprocess.run([*flags, SUPPORT / "fake_libcuda.cpp", "-o", folder / "libcuda.so.1"], check=True)
    subprocess.run([*flags, SUPPORT / "windows_driver.cpp", "-o", folder / "windows_driver.so", "-ldl"], check=True)
    return folder


class Driver:
    """Runs Python code in a process with the stand-in; log() is what the driver was asked to do."""

    def __init__(self, libraries: Path, log: Path) -> None:
        self._libraries = libraries
        self._log = log

    def __call__(self, code: str, **environment: str) -> Any:
        names = {"CUDA_VISIBLE_DEVICES", "LD_PRELOAD", "LD_LIBRARY_PATH"}
        clean = {name: value for name, value in os.environ.items() if name not in names}
        mine = {"LD_LIBRARY_PATH": str(self._libraries), "FAKE_CUDA_LOG": str(self._log)} | environment
        command = [sys.executable, "-c", code]
        done = subprocess.run(command, env=clean | mine, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1])

    def log(self) -> list[str]:
        return self._log.read_text().splitlines()


@pytest.fixture
def run(libraries: Path, tmp_path: Path) -> Driver:
    return Driver(libraries, tmp_path / "log")


def gpu(architecture: int, name: str = "NVIDIA GPU") -> str:
    return f"{architecture // 10}.{architecture % 10} {name}"


def ask(run: Driver, devices: str | None = None, **environment: Any) -> Any:
    return run(ASK, FAKE_CUDA_DEVICES=gpu(OLDEST) if devices is None else devices, **environment)


@pytest.mark.parametrize(
    ("environment", "code", "words"),
    [
        ({"FAKE_CUDA_VERSION": "11080"}, "driver_too_old", "supports CUDA 11.8, and 12.0 is needed (driver 525.60.13"),
        ({"devices": ""}, "no_gpu", "the NVIDIA driver shows no GPU"),
        ({"CUDA_VISIBLE_DEVICES": ""}, "no_gpu", "CUDA_VISIBLE_DEVICES is empty"),
        ({"CUDA_VISIBLE_DEVICES": "1"}, "no_gpu", 'CUDA_VISIBLE_DEVICES is "1", which names none'),
        ({"CUDA_VISIBLE_DEVICES": "first"}, "no_gpu", 'CUDA_VISIBLE_DEVICES is "first"'),
        ({"CUDA_VISIBLE_DEVICES": "-1"}, "no_gpu", 'CUDA_VISIBLE_DEVICES is "-1"'),
        ({"devices": "7.0 Tesla V100-SXM2-16GB"}, "gpu_too_old", "Tesla V100-SXM2-16GB (compute capability 7.0)"),
        ({"devices": "6.1 GeForce GTX 1080"}, "gpu_too_old", "7.5 is needed"),
        ({"FAKE_CUDA_FAILS": "cuInit=2"}, "out_of_memory", "no memory is left"),
        ({"FAKE_CUDA_FAILS": "cuInit=803"}, "driver_too_old", "does not fit this system"),
        ({"FAKE_CUDA_FAILS": "cuInit=999"}, "gpu_failed", "the NVIDIA driver"),
    ],
)
def test_no_gpu_to_use_is_said_the_same_by_worker_and_kernels(
    run: Driver, environment: dict[str, str], code: str, words: str
) -> None:
    told = ask(run, **environment)
    assert told["found"]["gpus"] == []
    assert told["found"]["code"] == code
    assert words in told["found"]["reason"]
    assert told["kernels"][0][0] == code
    assert words in told["kernels"][0][1]


@pytest.mark.parametrize(
    ("fails", "code", "words"),
    [
        ("cuDevicePrimaryCtxRetain=2", "out_of_memory", "no memory left to start with"),
        ("cuModuleLoadData=2", "out_of_memory", "no memory left for the kernels"),
        ("cuDevicePrimaryCtxRetain=46", "gpu_failed", "cannot be opened"),
        ("cuModuleLoadData=209", "driver_too_old", "does not take the kernels"),
        ("cuModuleGetFunction=700", "gpu_failed", "illegal memory access"),
    ],
)
def test_a_gpu_that_does_not_take_the_kernels(run: Driver, fails: str, code: str, words: str) -> None:
    told = ask(run, FAKE_CUDA_FAILS=fails)
    assert len(told["found"]["gpus"]) == 1
    assert told["kernels"][0][0] == code
    assert words in told["kernels"][0][1]


def test_a_gpu_of_tomorrow_with_a_driver_of_yesterday(run: Driver) -> None:
    told = ask(run, "13.0 NVIDIA GPU of tomorrow", FAKE_CUDA_FAILS="cuModuleLoadData=222")
    assert told["kernels"][0][0] == "driver_too_old"
    assert "GPU of tomorrow" in told["kernels"][0][1]
    assert "driver 570" in told["kernels"][0][1]


def test_no_driver(run: Driver) -> None:
    if any(Path(folder, "libcuda.so.1").exists() for folder in ("/usr/lib/x86_64-linux-gnu", "/usr/lib/wsl/lib")):
        pytest.skip("there is one here")
    told = ask(run, LD_LIBRARY_PATH="")
    assert told["found"]["code"] == told["kernels"][0][0] == "no_driver"
    assert told["found"]["reason"] == told["kernels"][0][1]
    assert told["found"]["reason"] == "no NVIDIA driver is installed (libcuda.so.1 is not found)"


def test_a_file_that_is_no_driver(run: Driver, tmp_path: Path) -> None:
    (tmp_path / "libcuda.so.1").write_bytes(b"")
    told = ask(run, LD_LIBRARY_PATH=str(tmp_path))
    assert told["kernels"][0][0] == told["found"]["code"]
    assert told["found"]["code"] in ("no_driver", "")  # the system may have a true one


def test_the_driver_of_windows(run: Driver, libraries: Path) -> None:
    told = ask(run, LD_LIBRARY_PATH="", LD_PRELOAD=str(libraries / "windows_driver.so"), FAKE_LIBRARIES=str(libraries))
    assert told["found"]["code"] == ""
    assert told["kernels"] == [["", ""]]


DRIVERS = {"525": 12000, "535": 12020, "550": 12040, "570": 12080, "580": 13000}
"""Branches of NVIDIA's driver that machines have, and the CUDA that each speaks."""

INTRODUCED = {
    "cuInit": 2000, "cuDriverGetVersion": 2020, "cuGetErrorName": 6000, "cuGetErrorString": 6000,
    "cuDeviceGetCount": 2000, "cuDeviceGet": 2000, "cuDeviceGetName": 2000, "cuDeviceGetAttribute": 2000,
    "cuDeviceTotalMem_v2": 3020, "cuDevicePrimaryCtxRetain": 7000, "cuCtxGetCurrent": 4000,
    "cuCtxPushCurrent_v2": 4000, "cuCtxPopCurrent_v2": 4000, "cuModuleLoadData": 2000, "cuModuleGetFunction": 2000,
    "cuLaunchKernel": 4000, "cuMemsetD8Async": 3020, "cuMemAlloc_v2": 3020, "cuMemFree_v2": 3020,
    "cuMemGetInfo_v2": 3020, "cuMemcpyHtoDAsync_v2": 3020, "cuMemcpyDtoHAsync_v2": 3020, "cuMemcpyDtoDAsync_v2": 3020,
    "cuStreamSynchronize": 2000, "cuMemHostAlloc": 2020, "cuMemFreeHost": 2000, "cuMemHostGetDevicePointer_v2": 3020,
    "cuEventCreate": 2000, "cuEventDestroy_v2": 4000, "cuEventRecord": 2000, "cuEventSynchronize": 2000,
    "cuEventElapsedTime": 2000,
}  # fmt: skip
"""Every function of the driver that we ask for, and the CUDA that brought it, as CUDA's cudaTypedefs.h tells. A newer
header renames some (`cuEventElapsedTime_v2` is of 12.8): who adds one looks there, and adds it here."""


def test_nothing_is_asked_of_a_driver_that_an_old_one_lacks() -> None:
    package, kernels = Path(gpu_module.__file__), SUPPORT.parents[1] / "kernels" / "cuda"
    asked = set(re.findall(r"cuda\.(cu[A-Z]\w*)", package.read_text()))
    for source in kernels.iterdir():
        asked |= set(re.findall(r'"(cu[A-Z]\w*)"', source.read_text()))
    assert asked == INTRODUCED.keys()
    assert max(INTRODUCED.values()) <= DRIVERS["525"]


@pytest.mark.parametrize("branch", DRIVERS)
def test_every_driver_from_525_on_takes_the_kernels(run: Driver, libraries: Path, branch: str) -> None:
    """Of a driver that has no function but those of `INTRODUCED`."""
    exported = subprocess.check_output(["nm", "-D", "--defined-only", libraries / "libcuda.so.1"], text=True)
    assert set(re.findall(r" T (cu\w+)", exported)) == INTRODUCED.keys()
    told = ask(run, FAKE_CUDA_VERSION=str(DRIVERS[branch]))
    assert told["kernels"] == [["", ""]]
    assert told["found"]["cuda"] == f"{DRIVERS[branch] // 1000}.{DRIVERS[branch] % 1000 // 10}"
    assert run.log() == [f"NVIDIA GPU: machine code {OLDEST}"] * FILES


def loaded(run: Driver) -> Any:
    """What was loaded into each GPU: {name: {what}}."""
    kinds: dict[str, set[str]] = {}
    for line in run.log():
        name, _, what = line.partition(": ")
        kinds.setdefault(name, set()).add(what)
    return kinds


@pytest.mark.parametrize(("architecture", "ptx"), _cuda.architectures)
def test_every_architecture_has_every_kernel(run: Driver, architecture: int, ptx: bool) -> None:
    # A later revision of a generation runs what its first one does; a later generation, PTX.
    device = gpu(architecture if not ptx else 130)
    assert ask(run, device)["kernels"] == [["", ""]]
    assert run.log() == [f"NVIDIA GPU: {'PTX' if ptx else 'machine code'} {architecture}"] * FILES


def test_gpus_of_different_kinds_get_what_is_theirs(run: Driver) -> None:
    devices = f"{gpu(OLDEST, 'an old one')};{gpu(OLDEST, 'a slice MIG 1g.10gb')};{gpu(130, 'a new one')}"
    devices += ";7.0 an ancient one"
    told = ask(run, devices)
    assert [code for code, _ in told["kernels"]] == ["", "", "", "gpu_too_old"]
    assert "an ancient one" in told["kernels"][3][1]
    assert loaded(run) == {
        "an old one": {f"machine code {OLDEST}"},
        "a slice MIG 1g.10gb": {f"machine code {OLDEST}"},
        "a new one": {f"PTX {NEWEST_PTX}"},
    }


def test_the_ones_that_are_visible_count(run: Driver) -> None:
    devices = f"{gpu(OLDEST, 'first')};{gpu(OLDEST, 'second')};{gpu(OLDEST, 'third')}"
    told = ask(run, devices, CUDA_VISIBLE_DEVICES="2,0,nonsense,1")
    assert [gpu["name"] for gpu in told["found"]["gpus"]] == ["third", "first"]


def test_a_gpu_that_this_build_is_not_for(run: Driver) -> None:
    if OLDEST == 75:
        pytest.skip("it is for all")
    code, sentence = ask(run, gpu(75, "Tesla T4"))["kernels"][0]
    assert code == "gpu_unsupported"
    assert "Tesla T4" in sentence


STEPS = """
import ctypes, json
import numpy as np
from splatworker import _cuda
driver = ctypes.CDLL("libcuda.so.1")
memory = []
def aligned(size):
    memory.append(np.zeros(size + 256, np.uint8))
    return (memory[-1].ctypes.data + 255) // 256 * 256
def gaussians(): return _cuda.Gaussians(100, 15, [aligned(100 * 4 * width) for width in (3, 4, 3, 1, 3, 45)])
def current():
    context = ctypes.c_void_p()
    driver.cuCtxGetCurrent(ctypes.byref(context))
    return context.value
camera = _cuda.Camera(70, 40, [50.0, 50.0, 35.0, 20.0], [1.0, 0, 0, 0, 0, 1.0, 0, 0, 0, 0, 1.0, 0], False)
def step(renderer, ignored=0):
    rates = [1e-3] * 6
    renderer.training_step(gaussians(), gaussians(), gaussians(), [aligned(400)] * 2, aligned(3 * 70 * 40), camera,
                           aligned(12), 0, 3, 0.2, 0.05, rates, 1, 0.1, 7, ignored, 1.0, False, 0, 0,
                           aligned(12), 0)
def contribute(renderer, ignored=0):
    renderer.contribute(gaussians(), aligned(3 * 70 * 40), camera, aligned(12), 0, 3, 0.2, 0.05, 0.1, 7, ignored, 1.0,
                        False, aligned(4 * (32 + 12 * 100)), 0)
"""


def started(run: Driver) -> list[str]:
    return [line.split()[2] for line in run.log() if line.startswith("GPU")]


@pytest.mark.parametrize("deterministic", [False, True])
def test_a_training_step_starts_its_kernels_on_its_gpu_and_leaves_the_thread_as_it_was(
    run: Driver, deterministic: bool
) -> None:
    code = f"""{STEPS}
before = current()
renderer = _cuda.Renderer(1, {deterministic}, aligned)
step(renderer)
renderer.set_timing(True)
step(renderer)
times = renderer.stage_times()
del renderer
print(json.dumps({{"before": before, "after": current(), "times": times}}))
"""
    told = run(code, FAKE_CUDA_DEVICES=f"{gpu(OLDEST)};{gpu(OLDEST)}")
    assert told["before"] is told["after"] is None
    names = [name for name, _ in told["times"]]
    assert names == ["project", "bin", "blend forward", "loss", "blend backward", "update"]
    backward = ["blend_backward_fixed_kernel", "to_float_kernel"] if deterministic else ["blend_backward_floats_kernel"]
    assert started(run) == 2 * [
        "project_kernel", "count_kernel", "starts_kernel", "list_kernel", "sort_1024_kernel", "blend_forward_kernel",
        "similarity_kernel", "loss_gradient_kernel", *backward, "update_kernel",
    ]  # fmt: skip
    log = run.log()
    assert all(line.startswith("GPU 1: ") for line in log if line.startswith("GPU"))
    assert "GPU 1: blend_forward_kernel 30 1 1 x 64" in log  # 5x3 tiles of 4 sub-tiles, 2 a block
    assert "GPU 1: similarity_kernel 2 3 3 x 128" in log
    assert log[-1] == "freed"


@pytest.mark.parametrize("call", ["step", "contribute"])
def test_ignored_pixels_are_left_out_before_the_loss_and_after_it(run: Driver, call: str) -> None:
    code = f"""{STEPS}
renderer = _cuda.Renderer(0, False, aligned)
{call}(renderer)
{call}(renderer, aligned(70 * 40))
print(0)
"""
    run(code, FAKE_CUDA_DEVICES=gpu(OLDEST))
    kernels = started(run)
    half = len(kernels) // 2 - 1
    plain, masked = kernels[:half], kernels[half:]
    assert "leave_out_kernel" not in plain
    first, last = (masked.index(name) for name in ("similarity_kernel", "loss_gradient_kernel"))
    assert masked[first - 2 : last + 2] == [
        "blend_forward_kernel", "leave_out_kernel", "similarity_kernel", "loss_gradient_kernel", "leave_out_kernel",
    ]  # fmt: skip
    assert [name for name in masked if name != "leave_out_kernel"] == plain
    assert run.log().count("GPU 0: leave_out_kernel 11 1 1 x 256") == 2  # 2800 pixels


@pytest.mark.parametrize(
    ("fails", "words"),
    [
        ("cuLaunchKernel=700", "CUDA: an illegal memory access was encountered (CUDA_ERROR_ILLEGAL_ADDRESS)"),
        ("cuEventSynchronize=2", "CUDA: out of memory (CUDA_ERROR_OUT_OF_MEMORY)"),
        ("cuMemHostAlloc=2", "CUDA: out of memory (CUDA_ERROR_OUT_OF_MEMORY)"),
    ],
)
def test_a_gpu_that_fails_in_the_middle(run: Driver, fails: str, words: str) -> None:
    code = f"""{STEPS}
try:
    renderer = _cuda.Renderer(0, False, aligned)
    step(renderer)
except RuntimeError as error:
    print(json.dumps([str(error), current()]))
"""
    assert run(code, FAKE_CUDA_DEVICES=gpu(OLDEST), FAKE_CUDA_FAILS=fails) == [words, None]


def test_asking_for_a_gpu_that_cannot_be_used_says_why(run: Driver) -> None:
    code = """
import json
from splatworker.errors import SplatError
from splatworker.render.backend import renderer_for
try:
    renderer_for("cuda")
except SplatError as error:
    print(json.dumps(error.to_event()))
"""
    told = run(code, FAKE_CUDA_DEVICES=gpu(OLDEST), CUDA_VISIBLE_DEVICES="")
    assert told["code"] == "no_gpu"
    assert told["stage"] == "train"
    assert told["message"] == "CUDA_VISIBLE_DEVICES is empty, which hides every GPU."
    assert "nvidia-smi" in told["hint"]
    told = run(code, FAKE_CUDA_DEVICES=gpu(OLDEST), FAKE_CUDA_VERSION="11080")
    assert told["code"] == "driver_too_old"
    assert "525.60.13" in told["hint"]
