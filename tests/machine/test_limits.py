"""Processors and memory, a container's limits counted in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from splatworker.machine import limits

MEMINFO = "MemTotal:       16000000 kB\nMemFree:  1 kB\nMemAvailable:   8000000 kB\n"


@pytest.fixture
def files(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Files that the system has, by path; no others."""
    present: dict[str, str] = {}

    def read(path: Path, *arguments: Any, **options: Any) -> str:
        try:
            return present[str(path)]
        except KeyError:
            raise FileNotFoundError(str(path)) from None

    monkeypatch.setattr(Path, "read_text", read)
    return present


def test_memory_of_a_machine(files: dict[str, str]) -> None:
    assert limits.available_memory() is None
    assert limits.total_memory() is None
    files["/proc/meminfo"] = MEMINFO
    assert limits.available_memory() == 8_000_000 * 1024
    assert limits.total_memory() == 16_000_000 * 1024


@pytest.mark.parametrize("version", [1, 2])
def test_memory_of_a_container_is_less_and_its_file_cache_is_free(files: dict[str, str], version: int) -> None:
    limit, used, statistics, cache = limits._CGROUP_MEMORY[2 - version]
    files |= {"/proc/meminfo": MEMINFO, limit: "4000\n", used: "3000\n", statistics: f"anon 5\n{cache} 500\n"}
    assert limits.available_memory() == 1500
    assert limits.total_memory() == 4000
    files[limit] = "max\n"
    assert limits.total_memory() == 16_000_000 * 1024


@pytest.mark.parametrize(
    ("path", "texts", "quota"),
    [
        ("/sys/fs/cgroup/cpu.max", "max 100000", 1 << 16),
        ("/sys/fs/cgroup/cpu.max", "150000 100000", 2),
        ("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1", 1 << 16),
        ("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "50000", 1),
        ("/nowhere", "", 1 << 16),
    ],
)
def test_processors_of_a_container(files: dict[str, str], path: str, texts: str, quota: int) -> None:
    files |= {path: texts, "/sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000"}
    assert limits._cgroup_quota() == quota
    assert 1 <= limits.available_cpus() <= quota
