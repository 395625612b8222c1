"""`splatworker train` from its first line: threads open the GPU and read the scene while this one imports the trainer.

Each takes some tenths of a second. Until then nothing is imported but what the command line needs, and before the scene
is read nothing but what reads it.
"""

from __future__ import annotations

from splatworker.render.opening import open_soon
from splatworker.stages.kept import kept
from splatworker.train.launch import is_started
from splatworker.train.options import parse


def main(argv: list[str]) -> int:
    """Train: `cli.main`."""
    options, unused = parse(argv)
    loading = None
    with kept():
        if not is_started():  # of several processes each waits until it knows which GPU is its own
            open_soon(options.device)
            from splatworker.train.loading import Loading  # noqa: PLC0415 - numpy and Pillow

            loading = Loading(options)
        from splatworker.train import cli  # noqa: PLC0415 - all of the trainer
    return cli.run(options, unused, loading)
