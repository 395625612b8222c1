"""Ctrl-C ends every command with one sentence and status 130, from the first second on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from splatworker import cli
from splatworker.stages import interrupts
from splatworker.stages.command import run_as_command
from splatworker.stages.progress import Reporter

ROOT = Path(__file__).parents[2]

WHILE_IMPORTING = """
import os, signal, sys
class Interrupting:  # Ctrl-C is pressed while this module is looked for
    def find_spec(self, name, path=None, target=None):
        if name == sys.argv[1]:
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Interrupting())
from splatworker.cli import main
sys.exit(main(sys.argv[2:]))
"""

WHILE_WORKING = """
import os, signal, sys
from splatworker import cli; from splatworker.stages import command as stage
def work(report):
    os.kill(os.getpid(), signal.SIGINT)
    {then}
class Module:
    main = staticmethod(lambda argv: stage.run_as_command(sys.argv[1], work, as_json="--json" in argv))
cli.import_module = lambda name: Module
sys.exit(cli.main([sys.argv[1], *sys.argv[2:]]))
"""


def run(code: str, *words: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, words)],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=False,
        timeout=120,
    )


LOADING = {
    "numpy": ["train", "-s", "nowhere", "-m", "nowhere"],
    "pycolmap": ["sfm", "nowhere", "-o", "nowhere"],
    "splatworker.pipeline.run": ["run", "nowhere", "-o", "nowhere"],
}

LOADING_TOO = {
    "splatworker.train.trainer": ["train", "-s", "nowhere", "-m", "nowhere"],
    "splatworker.photos.decode": ["photos", "nowhere", "-o", "nowhere"],
    "splatworker.export.info": ["info", "nowhere"],
    "splatworker.render.backend": ["render", "a.ply", "-s", "nowhere", "-o", "nowhere"],
    "splatworker.train.evaluate": ["eval", "a.ply", "-s", "nowhere"],
    "splatworker.splat_files.registry": ["convert", "a.ply", "b.spz"],
    "splatworker.export.cli": ["export", "a.ply", "-s", "nowhere", "-o", "nowhere"],
    "http.server": ["view", "nowhere"],
}


@pytest.mark.parametrize(
    ("module", "words"),
    [*LOADING.items(), *(pytest.param(*item, marks=pytest.mark.slow) for item in LOADING_TOO.items())],
)
def test_while_it_loads(module: str, words: list[str]) -> None:
    done = run(WHILE_IMPORTING, module, *words)
    assert done.returncode == 130, done.stderr
    (line,) = done.stderr.strip().splitlines()
    assert line.startswith("Error: The ")
    assert line.endswith(" was stopped. [cancelled]")


@pytest.mark.parametrize("module", ["splatworker.stages.interrupts", "json", "splatworker.stages.printable"])
@pytest.mark.parametrize("words", [["--version"], ["info", "nowhere"], ["info", "nowhere", "--json"]], ids=" ".join)
def test_before_what_tells_it_is_there(module: str, words: list[str]) -> None:
    """Within the first tenth of a second: Python showed where it stood."""
    done = run(WHILE_IMPORTING, module, *words)
    assert done.returncode == 130, done.stderr
    (line,) = (done.stdout if "--json" in words else done.stderr).strip().splitlines()
    assert "The command was stopped." in line
    assert (done.stderr if "--json" in words else done.stdout) == ""


def test_afterwards_interrupts_are_whose_they_were(capsys: pytest.CaptureFixture[str]) -> None:
    mine: list[int] = []

    def note(number: int, frame: object) -> None:
        mine.append(number)

    before = signal.getsignal(signal.SIGINT)
    try:
        for handler in (signal.default_int_handler, signal.SIG_IGN, note):
            signal.signal(signal.SIGINT, handler)
            assert cli.main(["--version"]) == 0
            assert signal.getsignal(signal.SIGINT) is handler
    finally:
        signal.signal(signal.SIGINT, before)


HEARS = "signal.pause()"
SWALLOWS = "\n    try:\n        signal.pause()\n    except Exception:\n        pass"


@pytest.mark.parametrize(
    ("stage", "then"),
    [*((stage, HEARS) for stage in ("photos", "render", "eval", "export", "convert", "info")), ("train", SWALLOWS)],
)
def test_while_it_works(stage: str, then: str) -> None:
    done = run(WHILE_WORKING.format(then=then), stage)
    assert done.returncode == 130, done.stderr
    (line,) = done.stderr.strip().splitlines()
    assert line.endswith(" was stopped. [cancelled]")


def test_as_json_for_programs() -> None:
    done = run(WHILE_WORKING.format(then="return {}"), "train", "--json")
    assert done.returncode == 130
    assert done.stderr == ""
    event = json.loads(done.stdout.splitlines()[-1])
    assert (event["event"], event["code"], event["message"]) == ("error", "cancelled", "The training was stopped.")


def test_work_that_hears_nothing_is_given_up_and_its_half_written_file_removed(tmp_path: Path) -> None:
    then = (
        "\n    from pathlib import Path\n    from splatworker.stages import interrupts\n"
        "    from splatworker.formats.atomic import atomic_file\n"
        f"    with atomic_file(Path({str(tmp_path / 'a.ply')!r}), 'train') as file:\n"
        "        file.write(b'half')\n        file.flush()\n"
        "        interrupts.GRACE_S = 0.2\n"
        "        try:\n            os.kill(os.getpid(), signal.SIGINT)\n"
        "        except KeyboardInterrupt:\n            pass\n"
        "        while True:\n            signal.pause()"
    )
    done = run(WHILE_WORKING.replace("    os.kill(os.getpid(), signal.SIGINT)\n", "", 1).format(then=then), "train")
    assert done.returncode == 130, done.stderr
    assert done.stderr.strip() == "Error: The training was stopped. [cancelled]"
    assert list(tmp_path.iterdir()) == []


def test_work_that_ends_while_it_is_given_up_is_told_once() -> None:
    then = (
        "\n    import threading, time\n    from splatworker.stages import interrupts\n"
        "    given_up = threading.Event()\n"
        "    def slowly():\n        given_up.set()\n        time.sleep(0.5)\n"
        "    interrupts.GRACE_S, interrupts.remove_unfinished = 0.01, slowly\n"
        "    try:\n        os.kill(os.getpid(), signal.SIGINT)\n        given_up.wait()\n"
        "    except KeyboardInterrupt:\n        given_up.wait()\n"
        "    return {}"
    )
    done = run(WHILE_WORKING.replace("    os.kill(os.getpid(), signal.SIGINT)\n", "", 1).format(then=then), "train")
    assert done.returncode == 130, done.stderr
    assert done.stderr.strip() == "Error: The training was stopped. [cancelled]"
    assert done.stdout == ""


STOPPABLE = """
import os, signal, sys
from splatworker import cli
from splatworker.stages import interrupts
from splatworker.stages.command import run_as_command
def ask():
    os.kill(os.getpid(), signal.SIGTERM)
def wait():
    signal.pause()
def work(report):
    with interrupts.stoppable("train", as_json=True):
        try:
            ask()
        except Exception:
            {then}
interrupts.GRACE_S = 0.2
sys.exit(run_as_command("train", work, as_json=True))
"""


@pytest.mark.parametrize("then", ["raise", "wait()", "ask()"], ids=["heard", "lost", "asked twice"])
def test_sigterm_where_it_is_heeded(then: str) -> None:
    done = run(STOPPABLE.format(then=then))
    assert done.returncode == 1, done.stderr
    assert done.stderr == ""
    (line,) = done.stdout.splitlines()
    assert json.loads(line)["code"] == "cancelled"


def test_where_interrupts_are_ignored_they_stay_so() -> None:
    """As a shell script's background commands have it."""

    def interrupt_oneself(report: Reporter) -> dict[str, Any]:
        os.kill(os.getpid(), signal.SIGINT)
        return {}

    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        assert run_as_command("info", interrupt_oneself, as_json=False) == 0
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def test_work_in_another_thread_is_not_interrupted() -> None:
    ended = []
    thread = threading.Thread(target=lambda: ended.append(run_as_command("info", lambda report: {}, as_json=False)))
    thread.start()
    thread.join()
    assert ended == [0]


def test_an_interrupt_of_earlier_work_is_forgotten() -> None:
    interrupts.note()
    assert run_as_command("info", lambda report: {}, as_json=False) == 0
    assert not interrupts.asked()
