"""`splatworker train` from its first line: threads open the GPU and read the scene while this one imports the trainer.

Each takes some tenths of a second. The GPU takes the longest: what little it is asked by is looked up in the words
themselves, before anything is imported that understands them. Before the scene is read nothing is imported but what the
command line needs and what reads it.
"""

from __future__ import annotations

from splatworker.render.opening import open_soon
from splatworker.stages.kept import kept
from splatworker.train.launch import is_started

_DEVICE = "--device"


def main(argv: list[str]) -> int:
    """Train: `cli.main`."""
    loading = None
    with kept():
        alone = not is_started()  # of several processes each waits until it knows which GPU is its own
        if alone:
            open_soon(device_in(argv))
        from splatworker.train.options import parse  # noqa: PLC0415 - argparse, dataclasses and all options

        options, unused = parse(argv)
        if alone:
            from splatworker.train.loading import Loading  # noqa: PLC0415 - numpy and Pillow

            loading = Loading(options)
        from splatworker.train import cli  # noqa: PLC0415 - all of the trainer
    return cli.run(options, unused, loading)


def device_in(words: list[str]) -> str:
    """The device that `options.parse` will find in a command line, be it one or not; "" where help is wanted."""
    device = "auto"
    for place, word in enumerate(words):
        name, equals, value = word.partition("=")
        if word in ("-h", "--help"):
            return ""
        if len(name) > len("--d") and _DEVICE.startswith(name):  # shortened, as argparse allows
            device = value if equals else "".join(words[place + 1 : place + 2])
    return device
