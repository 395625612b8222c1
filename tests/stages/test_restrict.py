"""A stage that opens strangers' files finds no network, whatever takes it over."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from splatworker.stages import restrict

PROGRAM = restrict.__file__
OPENS = """
import resource, socket, sys
assert resource.getrlimit(resource.RLIMIT_CORE) == (0, 0)
for family in (socket.AF_UNIX, socket.AF_INET, socket.AF_INET6):
    try:
        socket.socket(family).close()
        print(int(family))
    except PermissionError:
        pass
"""


def opened(families: str) -> list[int]:
    command = [sys.executable, "-I", "-S", PROGRAM, families, sys.executable, "-c", OPENS]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    if "unrestricted" in done.stdout:
        pytest.skip(json.loads(done.stdout.splitlines()[0])["reason"])
    return [int(line) for line in done.stdout.split()]


def test_only_the_families_that_are_named_can_be_opened() -> None:
    assert opened("none") == []
    assert opened("1") == [1]
    assert opened("1,2,10") == [1, 2, 10]


def test_limits_hold_from_the_first_instruction_on_and_lower_ones_stay() -> None:
    def limits(*words: str) -> list[int]:
        told = "from resource import *; print(*getrlimit(RLIMIT_NOFILE), *getrlimit(RLIMIT_AS))"
        command = [sys.executable, "-I", "-S", PROGRAM, *words, "none", sys.executable, "-I", "-S", "-c", told]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        return [int(word) for word in done.stdout.splitlines()[-1].split()]

    assert limits("--limit=NOFILE:64", f"--limit=AS:{2**30}") == [64, 64, 2**30, 2**30]
    assert limits("--limit=NOFILE:50", "--limit=NOFILE:40")[:2] == [40, 40]
    before = limits()
    assert limits(f"--limit=NOFILE:{2**40}")[:2] == [before[1]] * 2


def test_a_command_that_is_not_there_is_named() -> None:
    command = [sys.executable, "-I", "-S", PROGRAM, "none", "/no/such/command"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 127
    assert "/no/such/command: No such file" in done.stderr


@pytest.mark.parametrize("machine", restrict.SYSTEM_CALLS)
def test_every_jump_of_the_filter_stays_within_it(machine: str) -> None:
    lines = restrict._filter(*restrict.SYSTEM_CALLS[machine], [1, 2])
    assert [code for code, *_ in lines[-2:]] == [6, 6]  # what every way ends with: refuse, allow
    for at, (_, yes, no, _) in enumerate(lines[:-2]):
        assert 0 <= yes < 256
        assert 0 <= no < 256
        assert at + 1 + max(yes, no) < len(lines)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process that its parent has ended")
def test_a_command_whose_parent_is_gone_is_not_started() -> None:
    def said(parent: int) -> tuple[int, str]:
        told = f"{restrict.WITH_PARENT}{parent}"
        command = [sys.executable, "-I", "-S", PROGRAM, told, "none", sys.executable, "-c", "print('started')"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout

    status, out = said(os.getpid())
    assert status == 0
    assert out.endswith("started\n")
    assert said(os.getppid()) == (1, "")
