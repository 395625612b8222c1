"""`splatworker train` from its first line: a thread opens the GPU while this one imports the trainer.

Either takes some tenths of a second. Until then nothing is imported but what the command line needs.
"""

from __future__ import annotations

import gc

from splatworker.render.opening import open_soon
from splatworker.train.launch import is_started
from splatworker.train.options import parse


def main(argv: list[str]) -> int:
    """Train: `cli.main`."""
    options, unused = parse(argv)
    if not is_started():
        open_soon(options.device)
    from splatworker.train import cli  # noqa: PLC0415 - numpy, Pillow, and all of the trainer

    gc.freeze()  # as for every command (`splatworker.cli`)
    return cli.run(options, unused)
