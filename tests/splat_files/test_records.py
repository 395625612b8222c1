"""Every format is one record, and records do not contradict each other."""

from __future__ import annotations

from importlib import import_module

import pytest

from splatworker.splat_files.records import FORMATS, Format


def test_names_and_suffixes_are_each_ones_own() -> None:
    assert all(name == known.name for name, known in FORMATS.items())
    suffixes = [known.suffix for known in FORMATS.values()]
    assert len(set(suffixes)) == len(suffixes)
    for at, suffix in enumerate(suffixes):  # the first whose suffix a name ends with is meant
        assert not any(later.endswith(suffix) for later in suffixes[at + 1 :])


def test_what_a_file_begins_with_tells_one_format() -> None:
    magics = [magic for known in FORMATS.values() for magic in known.magic]
    assert len(set(magics)) == len(magics)


@pytest.mark.parametrize("known", FORMATS.values(), ids=lambda known: known.name)
def test_a_codec_reads_and_writes(known: Format) -> None:
    codec = import_module(known.codec)
    assert callable(codec.read)
    assert callable(codec.write)
    assert known.axes.startswith("y down") == known.y_down
