"""`splatworker`: the whole way for people with a folder of photos, and each room by itself.

splatworker run PHOTOS -o OUT           photos or a video in, splat out
splatworker frames CLIP -o PHOTOS        choose the frames of a video that make good photos
splatworker photos | sfm | train         one stage
splatworker object | export | convert | view      make of a splat what people can use, and show it
splatworker render | eval | info         look at a splat
splatworker schema | doctor              what a job may say; what this machine can do
splatworker weights                      bring the segmentation network's weights here
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found] # what `signal` is made of: in the interpreter, so nobody's own module
import os
import sys
from importlib import import_module

import splatworker
from splatworker.stages import import_path
from splatworker.stages.kept import kept

COMMANDS: dict[str, tuple[str, str]] = {
    "run": ("splatworker.commands.run", "make a splat of a folder of photos, or of a video"),
    "frames": ("splatworker.video.cli", "choose the frames of a video that make good photos"),
    "photos": ("splatworker.photos.cli", "decode photos into clean JPEGs"),
    "sfm": ("splatworker.sfm.cli", "find the cameras of photos"),
    "train": ("splatworker.train.start", "train a splat from a scene folder; takes the original train.py's options"),
    "object": ("splatworker.export.object_cli", "cut the object that all photos show out of a trained scene"),
    "export": ("splatworker.export.cli", "make small files, a page, pictures, a film and a report of a splat"),
    "convert": ("splatworker.export.convert_cli", "turn a splat into another format"),
    "view": ("splatworker.export.view_cli", "show a run's page in a browser"),
    "render": ("splatworker.render.cli", "draw a splat as seen by cameras"),
    "eval": ("splatworker.train.eval_cli", "score a model on its held-out photos"),
    "info": ("splatworker.export.info", "say what a splat or a scene holds"),
    "doctor": ("splatworker.commands.doctor", "say what this machine can do, and how long a job takes on it"),
    "weights": ("splatworker.commands.weights", "bring the segmentation network's weights here, for object"),
    "schema": ("splatworker.commands.schema", "print the JSON Schema of a job"),
}
"""Name -> the module whose `main(argv)` does it, imported when it is called, and a word about it."""

_WITHOUT_THREADS_OF_NUMPY = ("photos", "sfm", "train")
"""Commands whose products of matrices are small. While it is loaded numpy's OpenBLAS begins a thread for each processor
that the machine has, though the container may use a few of them, and these spin when they have nothing to do."""

_WORKERS_OWN = (
    "fetch",
    "fetch-videos",
    "upload",
    "notify",
    "probe",
    "warm",
    "check-colmap",
    "check-kernels",
    "measure-features",
    "measure-training",
)


def main(argv: list[str] | None = None) -> int:
    """Run one command; the exit status: 0, 1 for a failure that has been reported, 2 for a wrong command line.

    130 after Ctrl-C. Without `argv` it is the process's own command line, and the process ends afterwards.
    """
    with _noting_interrupts() as pressed:
        return _main(argv, pressed)


class _noting_interrupts:  # noqa: N801 - contextlib is not loaded yet
    """Within the block Ctrl-C is kept in a list, to be told when what tells it has been imported: without that the
    interpreter shows where in its imports it was interrupted.

    What somebody else has set stays, and so it does in another thread than the first.
    """

    def __enter__(self) -> list[int]:
        self._pressed: list[int] = []
        if _signal.getsignal(_signal.SIGINT) is _signal.default_int_handler:
            try:  # noqa: SIM105 - contextlib is not loaded yet
                _signal.signal(_signal.SIGINT, self._note)
            except ValueError:
                pass
        return self._pressed

    def __exit__(self, *_: object) -> None:
        if _signal.getsignal(_signal.SIGINT) == self._note:
            _signal.signal(_signal.SIGINT, _signal.default_int_handler)

    def _note(self, number: int, frame: object) -> None:
        self._pressed.append(number)


def _main(argv: list[str] | None, pressed: list[int]) -> int:
    import_path.prefer_installed()  # before anything else is imported
    from splatworker.stages import interrupts, standard_streams
    from splatworker.stages.printable import shown_as_it_is

    if argv is None:
        standard_streams.open_missing()
    words = sys.argv[1:] if argv is None else argv
    name, rest = (words[0], words[1:]) if words else ("--help", [])
    with shown_as_it_is():
        try:
            with interrupts.ending_at_once(name, as_json="--json" in rest):
                status = interrupts.end(name, as_json="--json" in rest) if pressed else _run(name, rest)
                sys.stdout.flush()
        except KeyboardInterrupt:  # between the two ways to end
            status = interrupts.end(name, as_json="--json" in rest)
        except BrokenPipeError:
            from splatworker.stages.command import reader_has_gone

            status = reader_has_gone()
        except (OSError, MemoryError, ImportError, RuntimeError) as error:
            from splatworker.stages.command import fault_of, tell_people

            if (fault := fault_of(error, name)) is None:
                raise
            status = tell_people(fault)
    if argv is None:
        interrupts.ignore()  # what is left is the interpreter's own end
    return status


def _run(name: str, rest: list[str]) -> int:
    if name in _WITHOUT_THREADS_OF_NUMPY:
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    if name in COMMANDS:
        with kept():
            # Not Any: every command's module has main(argv: list[str]) -> int.
            command_main = import_module(COMMANDS[name][0]).main
        status: int = command_main(rest)
        return status
    if name in _WORKERS_OWN:
        return _run_workers_own(name, rest)
    if name in ("-h", "--help"):
        print(_usage())
        return 0
    if name == "--version":
        print(splatworker.__version__)
        return 0
    print(f"splatworker: there is no command '{name}'.\n\n{_usage()}", file=sys.stderr)
    return 2


def _run_workers_own(name: str, argv: list[str]) -> int:
    """The stages that only the worker calls."""
    if name == "probe":
        from splatworker.machine.gpu import find_gpus
        from splatworker.stages.command import run_as_command

        return run_as_command("probe", lambda report: find_gpus(), as_json="--json" in argv)
    if name.startswith(("check-", "measure-")):
        from splatworker.commands.checks import CHECKS
        from splatworker.stages.command import run_as_command

        return run_as_command(name, CHECKS[name], as_json="--json" in argv)
    if name == "warm":
        from splatworker.commands.warm import main as warm_main

        return warm_main(argv)
    with kept():
        from splatworker.commands import network

    return network.main(name, argv)


def _usage() -> str:
    lines = [f"  splatworker {name:<9}{what}" for name, (_, what) in COMMANDS.items()]
    return "\n".join(["usage: splatworker COMMAND ... (COMMAND --help says more)", "", *lines])
