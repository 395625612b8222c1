"""The platform's SDK, imported without the second and more that it spends on the processor's name.

While it is imported it asks py-cpuinfo, which sleeps for a second to count the processor's ticks, in a process of its
own, and starts programs that the image does not have. Every worker would wait for that before its first job; the name,
which the SDK shows nobody but who debugs it, stands in a file.
"""

from __future__ import annotations

import importlib
import platform
from pathlib import Path
from types import ModuleType
from typing import Any

CPUINFO = Path("/proc/cpuinfo")


def imported() -> ModuleType:
    """The module `runpod`."""
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
