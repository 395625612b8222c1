"""`splatworker train`: the original trainer's command line, and how a run ends."""

from __future__ import annotations

import sys
from typing import Any

from splatworker.render.backend import cuda_refusal, renderer_for
from splatworker.stages import interrupts
from splatworker.stages.command import run_as_command
from splatworker.stages.printable import printable_lines
from splatworker.stages.progress import Reporter
from splatworker.train.folder import demand_usable
from splatworker.train.launch import choose_gpu, is_started, rank_here
from splatworker.train.loading import Loading
from splatworker.train.options import EXPOSURE_RATES, Options, parse
from splatworker.train.trainer import train


def main(argv: list[str]) -> int:
    """Train; 0 for success, 1 for an error that was reported, 2 (by argparse) for a wrong command line."""
    return run(*parse(argv))


def run(options: Options, unused: list[str], begun: Loading | None = None) -> int:
    """The same of options, and the names of given ones that change nothing; the scene's loading may have begun."""
    silent = rank_here() > 0  # the first of several processes reports for all

    def work(report: Reporter) -> dict[str, Any]:
        if unused:
            report.warning(f"Without effect on this trainer: {', '.join(unused)}.")
        _demand_of_exposures(options, report)
        show = _Detailed(report) if sys.stderr.isatty() and not (options.json or silent) else None
        with (
            interrupts.stoppable("train", as_json=options.json and not silent),
            begun or Loading(options) as loading,
        ):
            if not silent:
                demand_usable(options)
            choose_gpu(options.device)
            several = is_started()
            renderer = renderer_for(options.device, deterministic=options.deterministic, tensors=several)
            if options.device == "auto" and not silent:
                _say_what_is_missing(report, tensors=several)
            watch = show.watch if show else _ignore
            if several:
                from splatworker.train.parallel import process_group  # noqa: PLC0415 - loads torch

                with process_group(renderer.device) as ranks:
                    result = train(options, renderer, show or report, watch, ranks, loading)
            else:
                result = train(options, renderer, show or report, watch, loading=loading)
        if not (options.json or options.quiet or silent):
            sys.stderr.write(printable_lines(_in_words(result, options)))
        return result

    return run_as_command("train", work, as_json=options.json, silent=silent)


def _demand_of_exposures(options: Options, report: Reporter) -> None:
    """Say which options of exposures are without effect beside the others, and leave them out."""
    if options.train_test_exp and is_started():
        report.warning("Without effect on several GPUs: train_test_exp.")
        options.train_test_exp = False
    given = [name for name in EXPOSURE_RATES if getattr(options, name) != getattr(Options, name)]
    if given and not options.train_test_exp:
        report.warning(f"Without effect unless train_test_exp is given: {', '.join(given)}.")


def _say_what_is_missing(report: Reporter, *, tensors: bool) -> None:
    """A GPU that trains a hundred times faster should not lie idle unsaid."""
    code, reason = cuda_refusal(tensors=tensors)
    if code == "torch_missing":
        report.warning(f"The CPU trains, not the GPU: {reason} (pip install 'torch>=2.8').")


class _Detailed:
    """Progress whose step tells the number of Gaussians and the loss: for a person who watches."""

    def __init__(self, report: Reporter) -> None:
        self._report = report
        self._detail = ""

    def watch(self, entry: dict[str, Any]) -> None:
        self._detail = f"{entry['gaussians'] / 1000:.0f}k splats, loss {entry['loss']:.4f}"

    def progress(self, step: str, fraction: float) -> None:
        self._report.progress(self._detail if step == "training" and self._detail else step, fraction)

    def warning(self, message: str) -> None:
        self._report.warning(message)


def _ignore(entry: dict[str, Any]) -> None:
    """Nobody watches."""


def _in_words(result: dict[str, Any], options: Options) -> str:
    scores = result["quality"]["test"]
    held_out = f", held out {scores['psnr']:.2f} dB, SSIM {scores['ssim']:.4f}" if scores else ""
    return (
        f"{result['gaussians']} Gaussians after {options.iterations} iterations in {result['seconds']:.1f} s "
        f"({result['iterations_per_second']:.1f} a second){held_out}\n{result['ply']}\n"
    )
