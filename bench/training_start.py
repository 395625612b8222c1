"""Where the time goes from the start of a training process to the end of its first iteration.

    python bench/training_start.py SCENE [--device cuda] [--runs 5] [--iterations 7000] [--plain]

Starts `splatworker train` with what the worker would ask for, so often, each in a process of its own that ends after
its first iteration, and prints the medians: what ran when, and in which thread. Spans of one name are told together, as
photos are decoded by many threads: from the first one's begin to the last one's end, and the sum of them. On a GPU the
driver's own share is measured beside it, in a process that does nothing else. The last line is told from outside: how
long the command itself takes to say that it is at its tenth iteration; `--plain` tells that alone, of any version. The
first run, which reads files from the disk, is left out.
"""

from __future__ import annotations

import os
import sys
import time

BEGAN = time.time()
"""Before anything is imported that the interpreter has not imported by itself."""

from collections.abc import Callable, Collection  # noqa: E402
from typing import NamedTuple  # noqa: E402

LAUNCHED = "BENCH_LAUNCHED"

SPANS = {
    "splatworker.train.cli": ["demand_usable", "renderer_for", "cuda_refusal"],
    "splatworker.render.backend": ["find_gpus"],
    "splatworker.train.preparation": [
        "scene_extent",
        "FreeSpace",
        "more_points",
        "first_gaussians",
        "to_tensors",
        "Model",
        "ModelFolder",
        "write_description",
        "Quality",
    ],
    "splatworker.train.dataset": ["load_views"],
    "splatworker.train.refinement": ["Pyramid"],
    "splatworker.train.loading": ["read_scene", "Light", "_planned"],
    "splatworker.train.light": ["read_observations", "lines_of", "fallen", "gains", "unexpected"],
    "splatworker.train.photos": ["load_photo", "load_hidden", "to_device"],
    "splatworker.train.warm_up": ["warm_up"],
}
"""Functions whose calls are timed, by the module that calls them."""

READING = frozenset({"splatworker.train.loading", "splatworker.train.light", "splatworker.train.photos"})
"""Those that are at work before the trainer has been imported."""


class Span(NamedTuple):
    """What, in which thread, from when to when, and how long the thread itself was at work; in seconds."""

    name: str
    thread: str
    begin: float
    end: float
    cpu: float


def inside(words: list[str]) -> None:
    """The training, with its calls timed; ends the process after the first iteration."""
    import functools
    import gc
    import importlib
    import json
    import threading
    from typing import Any

    launched = float(os.environ[LAUNCHED])
    spans = [Span("Python", "MainThread", launched, BEGAN, time.process_time())]

    def timed(name: str, call: Any) -> Any:
        @functools.wraps(call, updated=())
        def timing(*args: Any, **kwargs: Any) -> Any:
            begin, cpu = time.time(), time.thread_time()
            try:
                return call(*args, **kwargs)
            finally:
                thread = threading.current_thread().name
                spans.append(Span(name, thread, begin, time.time(), time.thread_time() - cpu))

        return timing

    # What splatworker.train.start does, with a look at it in between.
    begin = time.time()
    gc.disable()
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as splatworker.cli does
    from splatworker.render import opening
    from splatworker.train import start as starting

    start: Any = starting

    spans.append(Span("imports of the command line", "MainThread", begin, time.time(), time.process_time()))
    opening._open = timed("the GPU opens", opening._open)
    timed("open_soon", opening.open_soon)(start.device_in(words))
    begin = time.time()
    from splatworker.train.options import parse

    spans.append(Span("imports of the options", "MainThread", begin, time.time(), time.process_time()))
    options, unused = timed("parse", parse)(words)
    begin, cpu = time.time(), time.thread_time()
    from splatworker.train.loading import Loading

    spans.append(Span("imports of what reads", "MainThread", begin, time.time(), time.thread_time() - cpu))

    def watch(modules: Collection[str]) -> None:
        for module in modules:
            for name in SPANS[module]:
                where = importlib.import_module(module)
                setattr(where, name, timed(name, getattr(where, name)))

    watch(READING)
    loading = Loading(options)
    begin, cpu = time.time(), time.thread_time()
    from splatworker.train import cli as train_cli

    cli: Any = train_cli

    spans.append(Span("imports of the trainer", "MainThread", begin, time.time(), time.thread_time() - cpu))
    watch(SPANS.keys() - READING)
    real = cli.renderer_for

    def renderer_for(*args: Any, **kwargs: Any) -> Any:
        renderer = real(*args, **kwargs)
        step = renderer.training_step

        def first_step(*args: Any) -> Any:
            if threading.current_thread() is not threading.main_thread():  # one that warms up
                return step(*args)
            timed("the first iteration", lambda: float(step(*args).total))()  # waits for the GPU
            print(json.dumps([span._replace(begin=span.begin - launched, end=span.end - launched) for span in spans]))
            sys.stdout.flush()
            os._exit(0)

        renderer.training_step = first_step
        return renderer

    cli.renderer_for = renderer_for
    gc.freeze()
    gc.enable()
    sys.exit(cli.run(options, unused, loading))


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
    parser.add_argument("--plain", action="store_true")
    options = parser.parse_args()
    words = words_for(options.scene, {"iterations": options.iterations, "eval": True})

    def run() -> list[Span]:
        with tempfile.TemporaryDirectory() as folder:
            where = ["-s", str(options.scene), "-m", folder, "--device", options.device]
            command = [sys.executable, __file__, *where, *words, "--json"]
            environment = os.environ | {LAUNCHED: repr(time.time())}
            done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
            return [Span(*span) for span in json.loads(done.stdout.splitlines()[-1])]

    def tenth_iteration() -> float:
        with tempfile.TemporaryDirectory() as folder:
            where = ["-s", str(options.scene), "-m", folder, "--device", options.device]
            began = time.perf_counter()
            command = [sys.executable, "-m", "splatworker", "train", *where, *words, "--json"]
            with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
                for line in process.stdout or ():
                    if '"step": "training"' in line:
                        break
                seconds = time.perf_counter() - began
                process.kill()
            return seconds

    if options.plain:
        tenth_iteration()
    else:
        run()
        tell_parts(run, options.runs)
    if options.device == "cuda" and not options.plain:
        command = [sys.executable, "-c", DRIVER]
        runs = [json.loads(subprocess.check_output(command, text=True)) for _ in range(options.runs)]
        parts = (
            f"{name} {1e3 * statistics.median(run[k] for run in runs):.0f}" for k, name in enumerate(DRIVERS_SHARE)
        )
        print(f"the driver alone, ms: {', '.join(parts)}")
    tenth = ", ".join(f"{tenth_iteration():.2f}" for _ in range(options.runs))
    print(f"the command itself, to its tenth iteration: {tenth} s")


def tell_parts(run: Callable[[], list[Span]], count: int) -> None:
    """Print the medians of so many runs."""
    import statistics

    tables = [summed(run()) for _ in range(count)]
    print("| ms | thread | calls | begins | ends | sum | at work |\n|---|---|---|---|---|---|---|")
    for name, first in sorted(tables[0].items(), key=lambda row: row[1].begin):
        these = [table[name] for table in tables if name in table]
        times = (1e3 * statistics.median(column) for column in zip(*(one[2:] for one in these), strict=True))
        print(f"| {name} | {first.thread} | {first.calls} | {' | '.join(f'{time:.0f}' for time in times)} |")
    ends = [table["the first iteration"].end for table in tables]
    print(f"to the end of the first iteration: {', '.join(f'{end:.2f}' for end in ends)} s")


class Summary(NamedTuple):
    """The spans of one name: a thread, how many, when the first began and the last ended, and how long all were."""

    thread: str
    calls: int
    begin: float
    end: float
    total: float
    cpu: float


def summed(spans: list[Span]) -> dict[str, Summary]:
    """The spans by their names."""
    table: dict[str, Summary] = {}
    for span in spans:
        so_far = table.get(span.name, Summary(span.thread, 0, span.begin, span.end, 0.0, 0.0))
        table[span.name] = Summary(
            so_far.thread,
            so_far.calls + 1,
            min(so_far.begin, span.begin),
            max(so_far.end, span.end),
            so_far.total + span.end - span.begin,
            so_far.cpu + span.cpu,
        )
    return table


if __name__ == "__main__":
    if os.environ.get(LAUNCHED):
        inside(sys.argv[1:])
    else:
        main()
