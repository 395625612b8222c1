"""The platform's SDK, imported without the second and more that it spends on what no worker needs.

While it is imported it asks py-cpuinfo, which sleeps for a second to count the processor's ticks, in a process of its
own, and starts programs that the image does not have. Every worker would wait for that before its first job; the name,
which the SDK shows nobody but who debugs it, stands in a file.

It also imports its command line, and with it an SSH client and a writer of TOML: a third of all that it loads. These
are loaded when somebody asks something of them, which in a worker nobody does.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.abc
import importlib.util
import platform
import sys
from collections.abc import Iterator, Sequence
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType
from typing import Any

from splatworker.stages.kept import kept

CPUINFO = Path("/proc/cpuinfo")

WHEN_ASKED = frozenset({"paramiko", "tomlkit"})
"""Modules that the SDK's command line imports as a whole, and that nothing else of it uses."""


def imported() -> ModuleType:
    """The module `runpod`."""
    with kept(), _loaded_when_asked():
        return _without_measuring()


class _Lazily(importlib.abc.MetaPathFinder):
    """Finds modules of `WHEN_ASKED` as everybody does, and lets Python's own `LazyLoader` load them."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname not in WHEN_ASKED:
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.loader is not None:
            spec.loader = importlib.util.LazyLoader(spec.loader)
        return spec


@contextlib.contextmanager
def _loaded_when_asked() -> Iterator[None]:
    """Modules of `WHEN_ASKED` imported within the block are loaded when an attribute of theirs is asked for."""
    finder = _Lazily()
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)


def _without_measuring() -> ModuleType:
    try:
        cpuinfo = importlib.import_module("cpuinfo")
    except ImportError:  # an SDK that does not ask it any more
        return importlib.import_module("runpod")
    slow = cpuinfo.__dict__.get("get_cpu_info")
    cpuinfo.__dict__["get_cpu_info"] = _names_alone
    try:
        return importlib.import_module("runpod")
    finally:
        cpuinfo.__dict__["get_cpu_info"] = slow


def _names_alone() -> dict[str, Any]:
    return {"brand_raw": processor_name()}


def processor_name() -> str:
    """The processor's name, as its maker writes it; where the system does not say it, that of its kind."""
    try:
        lines = CPUINFO.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, "") or platform.processor() or platform.machine()
