"""Where the time goes from the start of a training process to the end of its first iteration.

    python bench/training_start.py SCENE [--device cuda] [--runs 5] [--iterations 7000]

Starts `splatworker train` as it is, by default with what the worker would ask for, so often, each in a process of its own
that ends after its first iteration, and prints the medians: what ran when, and in which thread. Spans of one name are told
together, as photos are decoded by many threads: from the first one's begin to the last one's end, and the sum of them.
On a GPU the driver's own share is measured beside it, in a process that does nothing else. The first run, which reads
files from the disk, is left out.
"""

from __future__ import annotations

import os
import sys
import time

BEGAN = time.time()
"""Before anything is imported that the interpreter has not imported by itself."""

LAUNCHED = "BENCH_LAUNCHED"

SPANS = {
    "splatworker.train.cli": ["demand_usable", "renderer_for", "cuda_refusal", "train"],
    "splatworker.render.backend": ["find_gpus"],
    "splatworker.train.trainer": [
        "read_scene",
        "scene_extent",
        "FreeSpace",
        "Light",
        "load_views",
        "more_points",
        "first_gaussians",
        "to_tensors",
        "Model",
        "ModelFolder",
        "write_description",
        "Quality",
        "Pyramid",
    ],
    "splatworker.train.light": ["read_observations", "gains", "unexpected"],
    "splatworker.train.photos": ["load_photo", "load_hidden", "to_device"],
    "splatworker.train.warm_up": ["warm_up"],
}
"""Functions whose calls are timed, by the module that calls them."""

Span = tuple[str, str, float, float]
"""What, in which thread, from when to when, in seconds since the process was launched."""


def inside(words: list[str]) -> None:
    """The training, with its calls timed; ends the process after the first iteration."""
    import functools
    import importlib
    import json
    import threading
    from typing import Any

    launched = float(os.environ[LAUNCHED])
    spans: list[Span] = [("Python", "MainThread", 0.0, BEGAN - launched)]

    def timed(name: str, call: Any) -> Any:
        @functools.wraps(call, updated=())
        def timing(*args: Any, **kwargs: Any) -> Any:
            begin = time.time()
            try:
                return call(*args, **kwargs)
            finally:
                spans.append((name, threading.current_thread().name, begin - launched, time.time() - launched))

        return timing

    begin = time.time()
    from splatworker import cli
    from splatworker.train import cli as train_cli
    from splatworker.train import trainer

    spans.append(("imports", "MainThread", begin - launched, time.time() - launched))
    for module, names in SPANS.items():
        for name in names:
            where = importlib.import_module(module)
            setattr(where, name, timed(name, getattr(where, name)))
    real = train_cli.renderer_for

    def renderer_for(*args: Any, **kwargs: Any) -> Any:
        renderer = real(*args, **kwargs)
        step = renderer.training_step

        def first_step(*args: Any) -> Any:
            begin = time.time()
            loss = step(*args)
            trainer.LossLog(lambda entry: None).add(loss)
            float(loss.total)  # waits for the GPU
            spans.append(("training_step", "MainThread", begin - launched, time.time() - launched))
            print(json.dumps(spans), flush=True)
            os._exit(0)

        renderer.training_step = first_step
        return renderer

    train_cli.renderer_for = renderer_for  # type: ignore[assignment]
    sys.exit(cli.main(["train", *words]))



DRIVER = """
import ctypes, json, time
spans = [time.perf_counter()]
cuda = ctypes.CDLL("libcuda.so.1")
spans.append(time.perf_counter())
assert cuda.cuInit(0) == 0
spans.append(time.perf_counter())
context = ctypes.c_void_p()
assert cuda.cuDevicePrimaryCtxRetain(ctypes.byref(context), 0) == 0
spans.append(time.perf_counter())
from splatworker import _cuda
spans.append(time.perf_counter())
memory = _cuda.Memory(0)
spans.append(time.perf_counter())
block = memory.allocate(1 << 20)
memory.zero(block.address, 1 << 20)
memory.wait()
spans.append(time.perf_counter())
print(json.dumps([end - begin for begin, end in zip(spans, spans[1:])]))
"""
DRIVERS_SHARE = ("open libcuda", "cuInit", "create the context", "open our module", "load all kernels", "first bytes")


def main() -> None:
    """Start trainings, and say where the time went."""
    import argparse
    import json
    import statistics
    import subprocess
    import tempfile
    from pathlib import Path

    from one_training import words_for

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scene", type=Path)
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda"))
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--iterations", type=int, default=7000)
    options = parser.parse_args()
    words = words_for(options.scene, {"iterations": options.iterations, "eval": True})

    def run() -> list[Span]:
        with tempfile.TemporaryDirectory() as folder:
            where = ["-s", str(options.scene), "-m", folder, "--device", options.device]
            command = [sys.executable, __file__, *where, *words, "--json"]
            environment = os.environ | {LAUNCHED: repr(time.time())}
            done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
            spans: list[Span] = json.loads(done.stdout.splitlines()[-1])
            return spans

    run()
    tables = [summed(run()) for _ in range(options.runs)]
    print("| ms | thread | calls | begins | ends | sum |\n|---|---|---|---|---|---|")
    for name, (thread, calls, *_) in sorted(tables[0].items(), key=lambda row: row[1][2]):
        begin, end, total = (statistics.median(table[name][k] for table in tables if name in table) for k in (2, 3, 4))
        print(f"| {name} | {thread} | {calls} | {1e3 * begin:.0f} | {1e3 * end:.0f} | {1e3 * total:.0f} |")
    ends = [table["training_step"][3] for table in tables]
    print(f"to the end of the first iteration: {', '.join(f'{end:.2f}' for end in ends)} s")
    if options.device == "cuda":
        command = [sys.executable, "-c", DRIVER]
        runs = [json.loads(subprocess.check_output(command, text=True)) for _ in range(options.runs)]
        parts = (f"{name} {1e3 * statistics.median(run[k] for run in runs):.0f}" for k, name in enumerate(DRIVERS_SHARE))
        print(f"the driver alone, ms: {', '.join(parts)}")


def summed(spans: list[Span]) -> dict[str, tuple[str, int, float, float, float]]:
    """By name: a thread, how many calls, when the first began, when the last ended, and how long all were."""
    table: dict[str, tuple[str, int, float, float, float]] = {}
    for name, thread, begin, end in spans:
        _, calls, first, last, total = table.get(name, (thread, 0, begin, end, 0.0))
        table[name] = (thread, calls + 1, min(first, begin), max(last, end), total + end - begin)
    return table


if __name__ == "__main__":
    if os.environ.get(LAUNCHED):
        inside(sys.argv[1:])
    else:
        main()
