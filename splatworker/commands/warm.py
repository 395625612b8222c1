"""`splatworker warm train`, `splatworker warm export`: load everything that a stage needs, then wait to be told.

To load the libraries, open the GPU and load the kernels takes seconds, which pass while photos are fetched and COLMAP
runs, or for the export while the splat is trained. Messages come as JSON on standard input, one a line; the options,
and with them the beginning, as `{"arguments": [...]}`.

What has been loaded is frozen: to look through it for garbage, as Python does at its end, takes another half second.
"""

from __future__ import annotations

import json
import sys

from splatworker.commands.checks import draw_something
from splatworker.stages.kept import kept
from splatworker.stages.progress import Silent


def main(argv: list[str]) -> int:
    """Warm up, read the arguments, do the stage's work; the exit status."""
    if argv[:1] not in (["train"], ["export"]):
        sys.stderr.write("usage: splatworker warm train|export (the worker's own)\n")
        return 2
    as_json = ["--json"] if "--json" in argv else []
    return _export(as_json) if argv[0] == "export" else _train(as_json)


def _train(options: list[str]) -> int:
    with kept():
        from splatworker.render.backend import device_for  # noqa: PLC0415 - this is what warming up means
        from splatworker.train import cli  # noqa: PLC0415
        from splatworker.train.warm_up import warm_up  # noqa: PLC0415
    warm_up(device_for(draw_something(Silent())["device"], "train"))
    if (arguments := _told(sys.stdin.read())) is None:
        return 1  # the job ended first, or nobody sent one
    return cli.main([*arguments, *options])


def _export(options: list[str]) -> int:
    """The GPU is left alone until it is said to be free: the trainer may need all of its memory."""
    with kept():
        from splatworker.export import cli, export  # noqa: F401, PLC0415 - some load others only when they are called
        from splatworker.export.warm_up import warm_up  # noqa: PLC0415
        from splatworker.splat_files import sog  # noqa: F401, PLC0415 - some load others only when they are called
    for line in sys.stdin:
        if (arguments := _told(line)) is not None:
            return cli.main([*arguments, *options])
        warm_up()
    return 1  # the job ended first


def _told(line: str) -> list[str] | None:
    """The arguments in a message of the worker's; None where it holds none."""
    try:
        message = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return message.get("arguments") if isinstance(message, dict) else None
