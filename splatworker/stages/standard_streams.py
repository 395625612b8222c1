"""Standard input, output and error of a process that was started without one of them (`>&-`, some supervisors)."""

from __future__ import annotations

import os
import sys


def open_missing() -> None:
    """Let what is closed lead to nowhere, before any file is opened.

    Or else the next file that is opened gets its number, and whatever a library prints goes into that file.
    """
    for number, (name, mode) in enumerate((("stdin", "r"), ("stdout", "w"), ("stderr", "w"))):
        try:
            os.fstat(number)
        except OSError:
            opened = os.open(os.devnull, os.O_RDWR)
            os.dup2(opened, number)  # which children inherit
            if opened != number:
                os.close(opened)
            setattr(sys, name, None)
        if getattr(sys, name) is None:
            setattr(sys, name, open(number, mode, encoding="utf-8", closefd=False))  # noqa: SIM115 - the process's own
