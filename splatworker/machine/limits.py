"""What this machine lets the process use: processors and memory, containers' limits counted in."""

from __future__ import annotations

import math
import os
from pathlib import Path

_CGROUP_MEMORY = (
    # Version 2: "max" where there is no limit.
    ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current", "/sys/fs/cgroup/memory.stat", "inactive_file"),
    # Version 1: a number beyond any machine's where there is none.
    (
        "/sys/fs/cgroup/memory/memory.limit_in_bytes",
        "/sys/fs/cgroup/memory/memory.usage_in_bytes",
        "/sys/fs/cgroup/memory/memory.stat",
        "total_inactive_file",
    ),
)
"""Files that tell a container's limit of memory, what it uses, and its statistics; and which of these is file cache."""


def available_cpus() -> int:
    """How many processors this process may keep busy: its affinity, and its container's quota where there is one."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(allowed, _cgroup_quota(), os.cpu_count() or 1))


def _cgroup_quota() -> int:
    """Processors by the cgroup's bandwidth limit, rounded up; a large number where there is none."""
    try:  # version 2: "max 100000" or "150000 100000"
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
        return 1 << 16 if quota == "max" else math.ceil(int(quota) / int(period))
    except (OSError, ValueError):
        pass
    try:  # version 1: -1 for no limit
        quota_us = int(Path("/sys/fs/cgroup/cpu/cpu.cfs_quota_us").read_text())
        period_us = int(Path("/sys/fs/cgroup/cpu/cpu.cfs_period_us").read_text())
        return 1 << 16 if quota_us <= 0 else math.ceil(quota_us / period_us)
    except (OSError, ValueError):
        return 1 << 16


def available_memory() -> int | None:
    """Bytes of main memory that can still be taken before the system or the container kills; None if unknown."""
    bounds = []
    for line in _text("/proc/meminfo").splitlines():
        if line.startswith("MemAvailable:"):
            bounds.append(int(line.split()[1]) * 1024)
    # The container's limit; the kernel gives its file cache back before it kills.
    for limit_file, used_file, statistics_file, cache in _CGROUP_MEMORY:
        limit, used = _text(limit_file).strip(), _text(used_file).strip()
        if limit.isdecimal() and used.isdecimal():
            statistics = dict(line.split() for line in _text(statistics_file).splitlines())
            bounds.append(max(0, int(limit) - int(used) + int(statistics.get(cache, 0))))
    return min(bounds, default=None)


def total_memory() -> int | None:
    """Bytes of main memory that the machine, or its container, has in all; None if unknown."""
    bounds = [int(line.split()[1]) * 1024 for line in _text("/proc/meminfo").splitlines() if "MemTotal:" in line]
    for limit_file, _, _, _ in _CGROUP_MEMORY:
        if (limit := _text(limit_file).strip()).isdecimal():
            bounds.append(int(limit))
    return min(bounds, default=None)


def _text(path: str) -> str:
    try:
        return Path(path).read_text()
    except OSError:
        return ""
