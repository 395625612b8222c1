"""Run one command with less than its user may: without a network, and without a look into other processes.

Called as `python restrict.py [--with-parent=PID] [--limit=NAME:MOST]... FAMILIES COMMAND...`, or by the supervisor
(`supervise.py`), in the process that it has forked for a stage. Should one that opens strangers' files be taken over by
one of them, it finds no socket but of the families given (numbers with commas between, or `none`), no core dump, and
none of the system calls that reach into other processes or around a filter.

The filter is seccomp's (seccomp(2)): the kernel keeps it for whatever the command starts, and it needs no privileges.
Where the system has none the command runs all the same, and one line on standard output says so:

    {"event": "unrestricted", "reason": "Invalid argument"}

With `--with-parent` the command is killed when the thread that started it ends (prctl(2)), on Linux. PID is that
thread's process: should it be gone before this little program could ask for that, nothing is started.

Each `--limit` is one of the kernel's (getrlimit(2)), without its prefix: `AS:1000000`. It holds from the command's
first instruction on; where a lower one holds already, that stays.

Every stage and every decoder waits for it to start, so it imports next to nothing: with `python -I -S` it is there in
some 14 ms. With json and signal, which loads enum, it took 22.
"""

from __future__ import annotations

import ctypes
import errno
import os
import resource
import sys

TYPE_CHECKING = False  # `typing` takes long to load
if TYPE_CHECKING:
    from collections.abc import Sequence

WITH_PARENT = "--with-parent="
LIMIT = "--limit="

SIGKILL = 9
PR_SET_PDEATHSIG = 1
PR_SET_NO_NEW_PRIVS = 38
PR_SET_SECCOMP = 22
SECCOMP_MODE_FILTER = 2

_ALLOW = 0x7FFF0000
_REFUSE = 0x00050000 | errno.EACCES
"""Let the call fail with EACCES, as if a firewall of the machine forbade it."""

# Offsets in struct seccomp_data (linux/seccomp.h); arguments are little-endian halves of 64 bits.
_NUMBER, _ARCHITECTURE, _FIRST_ARGUMENT = 0, 4, 16

# Classic BPF (linux/bpf_common.h): load a word of seccomp_data; jump on equal, on greater or equal; return.
_LOAD, _JUMP_EQUAL, _JUMP_AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06

_X32 = 0x40000000
"""Call numbers of x86-64's second interface begin here: the same calls by other numbers."""

SYSTEM_CALLS: dict[str, tuple[int, int, list[int]]] = {
    # Machine -> its AUDIT_ARCH (linux/audit.h), the number of socket(2), and what else is refused, by asm/unistd.h:
    # ptrace, process_vm_readv, process_vm_writev, pidfd_getfd, io_uring_setup, io_uring_enter, io_uring_register (which
    # opens sockets, too), bpf, perf_event_open, userfaultfd, add_key, request_key, keyctl, mount, umount2, pivot_root,
    # setns, unshare, open_by_handle_at.
    "x86_64": (
        0xC000003E, 41,
        [101, 310, 311, 438, 425, 426, 427, 321, 298, 323, 248, 249, 250, 165, 166, 155, 308, 272, 304],
    ),
    "aarch64": (
        0xC00000B7, 198,
        [117, 270, 271, 438, 425, 426, 427, 280, 241, 282, 217, 218, 219, 40, 39, 41, 268, 97, 265],
    ),
}  # fmt: skip


class _Instruction(ctypes.Structure):
    _fields_ = [("code", ctypes.c_uint16), ("yes", ctypes.c_uint8), ("no", ctypes.c_uint8), ("value", ctypes.c_uint32)]


class _Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_uint16), ("instructions", ctypes.POINTER(_Instruction))]


def main(argv: list[str]) -> int:
    """Restrict this process, and become the command."""
    if argv[0].startswith(WITH_PARENT):
        parent, argv = int(argv[0].removeprefix(WITH_PARENT)), argv[1:]
        if sys.platform == "linux":
            ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0)
            if os.getppid() != parent:
                return 1
    limits: dict[int, int] = {}
    while argv[0].startswith(LIMIT):
        name, _, bytes_or_files = argv[0].removeprefix(LIMIT).partition(":")
        limits[getattr(resource, f"RLIMIT_{name}")], argv = int(bytes_or_files), argv[1:]
    families = [] if argv[0] == "none" else [int(family) for family in argv[0].split(",")]
    command = argv[1:]
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        forbid(families)
    except OSError as error:
        import json  # noqa: PLC0415 - seldom wanted

        event = {"event": "unrestricted", "reason": error.strerror}
        os.write(1, f"{json.dumps(event)}\n".encode())
    for limit, most in limits.items():
        hard = resource.getrlimit(limit)[1]
        allowed = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(limit, (allowed, allowed))
    try:
        os.execvp(command[0], command)  # noqa: S606
    except OSError as error:
        os.write(2, f"{command[0]}: {error.strerror}\n".encode())
    return 127


def forbid(families: Sequence[int]) -> None:
    """From now on this process, and whatever it starts, opens sockets of these families only.

    Raises:
        OSError: the system has no such filter, or the machine's calls are not known here.
    """
    machine = os.uname().machine
    if sys.platform != "linux" or machine not in SYSTEM_CALLS:
        raise OSError(errno.ENOSYS, f"no filter is known for {sys.platform} on {machine}")
    lines = _filter(*SYSTEM_CALLS[machine], families)
    instructions = (_Instruction * len(lines))(*(_Instruction(*line) for line in lines))
    program = _Program(len(lines), instructions)
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    prctl.argtypes = [ctypes.c_int, *[ctypes.c_ulong] * 4]
    address = ctypes.addressof(program)
    for option, arguments in ((PR_SET_NO_NEW_PRIVS, (1, 0)), (PR_SET_SECCOMP, (SECCOMP_MODE_FILTER, address))):
        if prctl(option, *arguments, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def _filter(
    architecture: int, socket: int, refused: Sequence[int], families: Sequence[int]
) -> list[tuple[int, int, int, int]]:
    """The filter: (code, instructions to skip if yes, if no, value) each."""
    # What follows the checks is two returns, REFUSE and ALLOW; a jump is relative to the instruction after it.
    checks: list[tuple[int, str, str, int]] = [
        (_LOAD, "", "", _ARCHITECTURE),
        (_JUMP_EQUAL, "", "refuse", architecture),
        (_LOAD, "", "", _NUMBER),
        (_JUMP_AT_LEAST, "refuse", "", _X32),
        *((_JUMP_EQUAL, "refuse", "", number) for number in refused),
        (_JUMP_EQUAL, "", "allow", socket),
        (_LOAD, "", "", _FIRST_ARGUMENT),
        *((_JUMP_EQUAL, "allow", "", family) for family in families),
    ]
    places = {"refuse": len(checks), "allow": len(checks) + 1}

    def skip(label: str, at: int) -> int:
        return places[label] - at - 1 if label else 0

    jumps = [(code, skip(yes, at), skip(no, at), value) for at, (code, yes, no, value) in enumerate(checks)]
    return [*jumps, (_RETURN, 0, 0, _REFUSE), (_RETURN, 0, 0, _ALLOW)]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
