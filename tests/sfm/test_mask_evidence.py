"""Whether masks are heeded: by how much they hide, whether it stands still, and what they leave."""

from __future__ import annotations

import pytest

from splatworker.sfm.gate import Inspection
from splatworker.sfm.ladder import Attempt
from splatworker.sfm.mask_evidence import ENOUGH_MATCHES, LITTLE, MASKED, STILL_SHARE, Evidence, _decide, used_masks


@pytest.mark.parametrize(
    ("hidden", "still", "matches", "heeded"),
    [
        (LITTLE - 0.01, None, 0.0, True),
        (0.9, STILL_SHARE + 0.1, 0.0, True),
        (0.9, STILL_SHARE, ENOUGH_MATCHES, True),
        (0.9, STILL_SHARE, ENOUGH_MATCHES - 1.0, False),
        (0.9, None, 0.0, False),
    ],
)
def test_what_speaks_for_them(hidden: float, still: float | None, matches: float, heeded: bool) -> None:
    decided, reason = _decide(hidden, still, matches)
    assert decided == heeded
    assert reason


@pytest.mark.parametrize(("still", "is_still"), [(None, False), (STILL_SHARE, False), (0.9, True)])
def test_a_turntable_is_known_by_what_stands_still(still: float | None, is_still: bool) -> None:
    assert Evidence(5, 0.5, still, 100.0, True, "because").is_still is is_still


def test_an_attempt_says_by_its_look_whether_masks_were_heeded() -> None:
    looks = ("fast", f"fast{MASKED}")
    attempts = [Attempt(look, "incremental", None, (), Inspection(), 1.0) for look in looks]
    assert [used_masks(attempt) for attempt in attempts] == [False, True]
