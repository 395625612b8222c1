"""A stand-in for the slow stages: the real command lines, parsed by the real parsers, with instant answers.

    python stand_in.py [FAULT...] -- STAGE ARGUMENTS...

`sfm` and `train` write small but valid folders; every other stage is the real one. A fault such as `train=hang` makes a
stage fail in one of the ways that real ones do.
"""

from __future__ import annotations

import errno
import importlib
import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from splatworker import cli
from splatworker.errors import GpuFailed, NoReconstruction, OutOfMemory
from splatworker.stages.command import run_as_command
from splatworker.stages.progress import Reporter

if TYPE_CHECKING:
    import argparse

    from splatworker.photos.picture import Picture

GAUSSIANS = 40
GPU_PEAK = 123 << 20
SPLAT = "haze"
"""What the trainer makes: "haze" of no shape, or a "ball" that all cameras look at."""
PRETENDED_GPU = {
    "gpus": [{"name": "Pretended GPU", "memory_bytes": 1 << 34, "compute_capability": "9.0"}],
    "cuda": "13.0",
    "reason": "",
    "code": "",
    "kernels": True,
}
OLD_DRIVER = {
    "gpus": [],
    "cuda": "11.8",
    "reason": "the NVIDIA driver supports CUDA 11.8, and 12.0 is needed (driver 525.60.13 or newer)",
    "code": "driver_too_old",
}
NO_GPU = {"gpus": [], "reason": "the NVIDIA driver reports error 999", "code": "gpu_failed"}


def main(argv: list[str]) -> int:
    split = argv.index("--")
    faults = dict(fault.split("=", 1) for fault in argv[:split])
    stage, arguments = argv[split + 1], argv[split + 2 :]
    if "SPLATWORKER_TEST_INTERNET" in os.environ:
        sys.path.insert(0, str(Path(__file__).parents[1]))
        from support import internet

        internet.install_from_environment()
    if stage == "probe" and gpu_is_gone(faults.get("gpu")):  # the driver is there, and its GPU is not
        return run_as_command("probe", lambda report: PRETENDED_GPU | NO_GPU, as_json=True)
    if stage == "probe" and "gpu" in faults:  # a machine with a GPU, as far as the worker can tell
        machine = PRETENDED_GPU | {"kernels": faults["gpu"] != "without-kernels"}
        machine |= OLD_DRIVER if faults["gpu"] == "old-driver" else {}
        return run_as_command("probe", lambda report: machine, as_json=True)
    if stage == "warm":
        warm = "warm-export" if arguments[0] == "export" else "warm"
        if warm in faults:
            fail(faults[warm])
        stage = arguments[0]
        arguments = [*json.loads(sys.stdin.readlines()[-1])["arguments"], "--json"]
    if stage in faults:
        fail(faults[stage])
    if stage == "check-kernels" and faults.get("gpu") in ("yes", "lost"):
        return run_as_command(stage, lambda report: {"device": "cuda:0", "code": "", "reason": ""}, as_json=True)
    if stage in ("sfm", "train"):
        return run_as_command(
            stage, lambda report: {"sfm": sfm, "train": train}[stage](arguments, report), as_json=True
        )
    return cli.main([stage, *arguments])


def sfm(arguments: list[str], report: Reporter) -> dict[str, Any]:
    import shutil

    import plain_files  # type: ignore[import-not-found]  # beside this file

    options = sfm_parser().parse_args(arguments)
    if options.follow:
        sys.stdin.read()
    scene = options.output
    shutil.copytree(options.images, scene / "images")
    names = sorted(path.name for path in options.images.iterdir() if path.is_file())
    if (scene / "images" / "masks").is_dir():
        (scene / "images" / "masks").rename(scene / "masks")
    plain_files.write_ring(scene / "sparse" / "0", names, plain_files.photo_size(scene / "images" / names[0]))
    for done in range(11):
        report.progress("matching photos", done / 10)
    (scene / "frame.json").write_text(json.dumps({"axes": "y up"}))
    (scene / "options.json").write_text(json.dumps(arguments))
    return {
        "registered": len(names),
        "photos": len(names),
        "rejected": [],
        "points": 1000,
        "reprojection_error_px": 0.5,
        "timings": {},
    }


def sfm_parser() -> argparse.ArgumentParser:
    """`splatworker sfm`'s options, as far as the worker uses them; a test compares them with the real ones."""
    import argparse

    parser = argparse.ArgumentParser()
    parser.add_argument("images", type=Path)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--camera-model")
    parser.add_argument("--max-num-features", type=int)
    parser.add_argument("--max-image-size", type=int)
    parser.add_argument("--matcher", choices=["auto", "exhaustive", "sequential", "retrieval"])
    parser.add_argument("--undistort-max-size", type=int)
    parser.add_argument("--min-registered", type=int)
    parser.add_argument("--min-share", type=float)
    parser.add_argument("--keep-frame", action="store_true")
    parser.add_argument("--follow", action="store_true")
    parser.add_argument("--json", action="store_true")
    return parser


def train(arguments: list[str], report: Reporter) -> dict[str, Any]:
    import plain_files

    from splatworker.train import options as train_options

    options, _ = train_options.parse(arguments)
    assert (options.source_path / "sparse" / "0").is_dir()
    for done in range(11):
        report.progress("training", done / 10)
    ply = options.model_path / "point_cloud" / f"iteration_{options.iterations}" / "point_cloud.ply"
    if SPLAT == "ball":
        plain_files.write_ball(ply, 600, options.sh_degree)
    else:
        plain_files.write_haze(ply, GAUSSIANS, options.sh_degree)
    held_out = {"psnr": 25.0, "ssim": 0.9, "photos": [{"name": "a.jpg", "psnr": 25.0, "ssim": 0.9}]}
    return {
        "ply": str(ply),
        "gaussians": GAUSSIANS,
        "iterations": options.iterations,
        "device": "cpu",
        "loss": 0.1,
        "seconds": 0.1,
        "quality": {"test": held_out if options.eval else None, "train": held_out},
        "peak_memory_bytes": GPU_PEAK,
        "command_line": arguments,
    }


def fail(how: str) -> None:
    """Fail as real stages do; returns only for faults that do not end the stage."""
    import subprocess

    match how:
        case "hang":
            time.sleep(3600)
        case "segfault":
            os.kill(os.getpid(), signal.SIGSEGV)
        case "killed":  # as the kernel does when memory runs out
            os.kill(os.getpid(), signal.SIGKILL)
        case "silent":
            sys.stderr.write("the last words, with https://bucket.example/key?X-Amz-Signature=abc123\n")
            sys.exit(3)
        case "no-result":
            sys.exit(0)
        case "grandchild":  # in a session of its own, where killpg does not reach
            subprocess.Popen([sys.executable, "-c", "import time; time.sleep(3600)"], start_new_session=True)
        case "grandchild-and-hang":
            subprocess.Popen([sys.executable, "-c", "import time; time.sleep(3600)"], start_new_session=True)
            time.sleep(3600)
        case "flood":
            for stream in (sys.stdout, sys.stderr):
                for _ in range(400):
                    stream.write("x" * 100_000 + "\n")
            sys.stdout.write("y" * 5_000_000)
            sys.stdout.write("\n")
        case "full-disk":
            raise_on_full_disk(Path("filler"))
        case "cuda-memory":
            run_as_command("train", lambda report: _raise(OutOfMemory("The GPU's memory ran out.", stage="train")),
                           as_json=True)  # fmt: skip
            sys.exit(1)
        case "cuda-error":
            sys.stderr.write("torch.AcceleratorError: CUDA error: an illegal memory access was encountered\n")
            sys.exit(1)
        case "database-full":  # as pycolmap says it
            sys.stderr.write("RuntimeError: SQLite error: database or disk is full\n")
            sys.exit(1)
        case "read-input":
            assert sys.stdin.read() == ""
        case "gpu-lost":
            run_as_command("train", lambda report: _raise(GpuFailed("The GPU is gone.", stage="train")), as_json=True)
            sys.exit(1)
        case "no-reconstruction":
            sys.stdin.read()  # known when all photos have been looked at
            run_as_command("sfm", lambda report: _raise(NoReconstruction("No cameras.", hint="More.")), as_json=True)
            sys.exit(1)
        case "bad-decoders":  # that crash over some photos and hang over others
            break_decoders()
        case _ if how.startswith("tune:"):  # tune:MODULE:NAME=NUMBER,...
            _, module, settings = how.split(":")
            for name, value in (setting.split("=") for setting in settings.split(",")):
                setattr(importlib.import_module(module), name, json.loads(value))
        case _ if how.startswith("wait-for:"):
            while not Path(how.removeprefix("wait-for:")).exists():
                time.sleep(0.05)
        case _ if how.startswith("slow:"):
            time.sleep(float(how.removeprefix("slow:")))
        case _:
            raise ValueError(how)


def gpu_is_gone(state: str | None) -> bool:
    """`gone`: always; `lost`: from the second time on that anybody asks."""
    asked = Path(os.environ.get("SPLATWORKER_WORKSPACE", ".")).parent / "asked-for-the-gpu"
    lost = state == "lost" and asked.exists()
    if state == "lost":
        asked.touch()
    return lost or state == "gone"


def break_decoders() -> None:
    from splatworker.photos import sandbox

    real = sandbox._open

    begin, usual = sandbox.start, sandbox.MOST_SECONDS

    def open_or_not(path: Path, max_size: int) -> Picture:
        if "crash" in path.name:
            os.kill(os.getpid(), signal.SIGSEGV)
        if "hang" in path.name:
            time.sleep(3600)
        return real(path, max_size)

    def start(path: Path, *more: Any) -> tuple[int, int]:
        sandbox.MOST_SECONDS = 2 if "hang" in path.name else usual  # however slow this machine is, others have time
        return begin(path, *more)

    sandbox._open = open_or_not
    sandbox.start = start  # type: ignore[assignment] # of what it passes on it names the first alone


def raise_on_full_disk(filler: Path) -> None:
    def work(report: Reporter) -> dict[str, Any]:
        with filler.open("wb") as file:
            for _ in range(1000):
                file.write(bytes(1 << 20))
        raise OSError(errno.EINVAL, "the disk is not small")

    sys.exit(run_as_command("train", work, as_json=True))


def _raise(error: Exception) -> NoReturn:
    raise error
