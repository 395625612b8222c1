"""Every reader of what comes from outside answers hostile files or refuses them in a sentence; see bench/fuzz.py."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from support.hostile_files import READERS, feed

EXAMPLES = 50


@pytest.mark.parametrize("name", READERS)
def test_hostile_files_are_answered_or_refused(name):
    reader = READERS[name]
    said = set()

    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(reader.files)
    def fed(files):
        said.add(feed(reader, files))

    fed()
    assert len(said) > 1 or name == "EXIF"  # they are not all stopped at the same door
