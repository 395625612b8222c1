"""Whose modules are imported: the standard library's and the installed ones, before the person's own of the same names.

A folder of one's own scripts in PYTHONPATH, or the working directory of `python -m`, comes before everything else in
`sys.path`: a `json.py` or `numpy.py` in it would take the place of the real one, in the command and in each of its
stages. Such folders go to the end of the path, where what is found nowhere else is still found.

Nothing but what the interpreter has loaded by itself may be imported here.
"""

from __future__ import annotations

import os
import sys


def prefer_installed(*more: str) -> None:
    """Move the folders of PYTHONPATH, and `more`, to the end of `sys.path`; forget what has come from them already."""
    entries = [entry for entry in os.environ.get("PYTHONPATH", "").split(os.pathsep) if entry]
    own = {os.path.realpath(entry) for entry in (*entries, *more)}
    if not own:
        return
    behind = [entry for entry in sys.path if os.path.realpath(entry) in own]
    sys.path[:] = [entry for entry in sys.path if entry not in behind] + list(dict.fromkeys(behind))
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if name.partition(".")[0] in sys.stdlib_module_names and file and _lies_in(file, own):
            del sys.modules[name]


def _lies_in(file: str, folders: set[str]) -> bool:
    """Whether a module's file, or its package's folder, stands in one of the folders."""
    folder = os.path.dirname(os.path.realpath(file))  # noqa: PTH120 - pathlib is not loaded yet
    return folder in folders or os.path.dirname(folder) in folders  # noqa: PTH120
