"""Lines of many threads and processes on one stream."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from splatworker.stages.whole_lines import LONGEST, WholeLines, fitted, write_line

PROCESSES, THREADS, LINES = 4, 3, 60

# Three ways to print at once: a worker's own log, what the SDK prints, and what a thread prints piece by piece.
WRITER = """
import json, sys, threading
import structlog
from splatworker.worker import logs

name, threads, lines = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
logs.configure()
logs.print_whole_lines()

def say(thread):
    for number in range(lines):
        filler = "é" * (37 * number * (thread + 1))
        who = {"who": f"{name}.{thread}", "number": number}
        match thread:
            case 0:
                structlog.get_logger().info("said", filler=filler, **who)
            case 1:
                print(json.dumps({**who, "filler": filler}), flush=True)
            case _:
                for piece in (json.dumps(who)[:-1], ', "filler": ', json.dumps(filler), "}", "\\n"):
                    sys.stdout.write(piece)
                    sys.stdout.flush()

speakers = [threading.Thread(target=say, args=(thread,)) for thread in range(threads)]
for speaker in speakers:
    speaker.start()
for speaker in speakers:
    speaker.join()
print("{}", end="")
"""


def start_writers(stream: int) -> list[subprocess.Popen[bytes]]:
    more = [str(THREADS), str(LINES)]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    return [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, f"p{name}", *more], stdout=stream, stderr=stream, env=environment
        )
        for name in range(PROCESSES)
    ]


def check(text: bytes) -> None:
    """Each line of each thread is there, whole, in its thread's order, and so are those that had no end."""
    assert text.endswith(b"\n")
    lines = text.removesuffix(b"\n").split(b"\n")
    assert max(map(len, lines)) < LONGEST
    events = [json.loads(line) for line in lines]
    assert events.count({}) == PROCESSES
    said: dict[str, list[int]] = {}
    for event in filter(None, events):
        said.setdefault(event["who"], []).append(event["number"])
    assert said == {f"p{p}.{t}": list(range(LINES)) for p in range(PROCESSES) for t in range(THREADS)}


def test_lines_on_a_pipe_whose_reader_is_slow() -> None:
    reader, writer = os.pipe()
    writers = start_writers(writer)
    os.close(writer)
    text = b""
    while piece := os.read(reader, 1500):  # a full pipe is where lines would tear
        text += piece
    os.close(reader)
    assert [process.wait() for process in writers] == [0] * PROCESSES
    check(text)


def test_lines_in_a_file(tmp_path: Path) -> None:
    with (tmp_path / "log").open("ab") as file:
        writers = start_writers(file.fileno())
        assert [process.wait() for process in writers] == [0] * PROCESSES
    check((tmp_path / "log").read_bytes())


def test_a_stream_that_does_not_wait_gets_every_line() -> None:
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    texts = [f"{number} " + "x" * 3000 for number in range(100)]

    def speak() -> None:
        for text in texts:
            write_line(writer, text)

    speaker = threading.Thread(target=speak)
    speaker.start()
    received = b""
    while received.count(b"\n") < len(texts):
        received += os.read(reader, 65536)
    speaker.join()
    os.close(reader)
    os.close(writer)
    assert received.decode().splitlines() == texts


def test_a_line_is_there_though_its_process_is_killed() -> None:
    script = "import os, structlog; from splatworker.worker import logs; logs.configure(); logs.print_whole_lines();"
    script += "structlog.get_logger().info('said'); print('{}'); os.kill(os.getpid(), 9)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=False)
    assert done.returncode == -9
    assert json.loads(done.stderr)["event"] == "said"
    assert done.stdout == b"{}\n"


def test_the_longest_values_of_an_object_are_shortened() -> None:
    traceback = "".join(f"line {number}\n" for number in range(1000))
    event = {"job": "job-1", "timings": {"total": 1.5}, "traceback": traceback, "code": None}
    found = json.loads(fitted(json.dumps(event)))
    assert found.keys() == event.keys()
    assert all(found[name] == event[name] for name in ("job", "timings", "code"))
    beginning, end = found["traceback"].split(" ... ")
    assert traceback.startswith(beginning)
    assert traceback.endswith(end)
    assert len(fitted(json.dumps(event))) > LONGEST - 20


@pytest.mark.parametrize("event", [{str(n): n for n in range(2000)}, {"x" * 9000: 1}, {"x": list(range(5000))}])
def test_an_object_that_cannot_fit_stays_an_object(event: dict[str, Any]) -> None:
    assert isinstance(json.loads(fitted(json.dumps(event))), dict)
    assert len(fitted(json.dumps(event)).encode()) < LONGEST


@given(st.text(alphabet=st.characters(exclude_categories=[]), max_size=50), st.integers(0, 500))
def test_any_text_fits(text: str, times: int) -> None:
    for line in (text * times, json.dumps({"text": text * times, "number": times})):
        data = fitted(line).encode("utf-8", "backslashreplace")
        assert len(data) < LONGEST
        if len(line.encode("utf-8", "backslashreplace")) < LONGEST:
            assert fitted(line) == line
        elif line.startswith('{"text"'):
            assert json.loads(data)["number"] == times


def test_a_line_without_an_end_waits_for_it(tmp_path: Path) -> None:
    with (tmp_path / "log").open("ab") as file:
        stream = WholeLines(file.fileno())
        print("one", end="", file=stream, flush=True)
        other = threading.Thread(target=lambda: print("another thread's", file=stream))
        other.start()
        other.join()
        print(" line", "and more", file=stream, end="")
        stream.finish()
    assert (tmp_path / "log").read_text() == "another thread's\none line and more\n"
