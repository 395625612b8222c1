"""Garbage collection, while code is imported and of it."""

from __future__ import annotations

import gc

import pytest

from splatworker.stages.kept import kept


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
