"""Garbage collection, while code is imported and of it."""

from __future__ import annotations

import gc
import subprocess
import sys
from pathlib import Path

import pytest

from splatworker.stages.kept import kept

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("collects", [True, False])
def test_what_is_made_is_left_alone_then_and_later(collects: bool) -> None:
    before = gc.isenabled()
    (gc.enable if collects else gc.disable)()
    frozen = gc.get_freeze_count()
    try:
        with pytest.raises(ImportError), kept():
            assert not gc.isenabled()
            made: list[list[int]] = [[] for _ in range(1000)]
            raise ImportError
        assert gc.isenabled() == collects
        assert gc.get_freeze_count() - frozen > len(made)
    finally:
        gc.unfreeze()
        (gc.enable if before else gc.disable)()


SEARCHES = """
import gc
import subprocess
import sys
from pathlib import Path
def searches():
    return sum(generation["collections"] for generation in gc.get_stats())
before = searches()
import handler
print(searches() - before, gc.get_freeze_count(), gc.isenabled())
from splatworker.worker import platform_sdk
before = searches()
platform_sdk.imported()
print(searches() - before, gc.get_freeze_count(), gc.isenabled())
"""


def test_the_worker_searches_nothing_of_its_imports_for_garbage() -> None:
    """But for what comes before them: it was 77 times, and 53 for the SDK."""
    told = subprocess.check_output([sys.executable, "-c", SEARCHES], cwd=ROOT, text=True).splitlines()
    (own, kept_own, on), (platforms, kept_all, on_again) = (line.split() for line in told)
    assert int(own) <= 5
    assert int(platforms) <= 1
    assert 20_000 < int(kept_own) < int(kept_all) - 20_000
    assert (on, on_again) == ("True", "True")
