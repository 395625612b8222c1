"""`splatworker warm train`: load everything that the trainer needs, then wait to be told what to train.

Loading torch, opening the GPU and loading the kernels takes seconds, which pass while photos are fetched and COLMAP
runs. The options come as `{"arguments": [...]}` on standard input.
"""

from __future__ import annotations

import json
import sys

from splatworker.fitness import draw_something
from splatworker.progress import Silent


def main(argv: list[str]) -> int:
    """Warm up, read the arguments, train; the exit status."""
    from splatworker.train import cli  # noqa: PLC0415 - this is what warming up means

    draw_something(Silent())
    request = json.load(sys.stdin)
    as_json = ["--json"] if "--json" in argv else []
    return cli.main([*request["arguments"], *as_json])
