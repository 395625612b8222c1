"""How far an export is, with parts side by side."""

from __future__ import annotations

import pytest
from support.exports import Told

from splatworker.export.parts import Parts


def test_parts_side_by_side_share_their_stretch_by_weight_and_never_go_back() -> None:
    heard = Told()
    parts = Parts(heard)
    parts.side_by_side({"film": 3.0, "poster": 1.0}, 0.2, 0.6)
    parts.advance("poster", "a poster", 1.0)
    parts.advance("film", "a film", 0.5)
    parts.advance("film", "a film", 0.1)  # another thread is late
    parts.advance("film", "a film", 1.0)
    assert [step for step, _ in heard.steps] == ["a poster", "a film", "a film", "a film"]
    assert [share for _, share in heard.steps] == pytest.approx([0.3, 0.45, 0.45, 0.6])


def test_a_part_has_its_times_also_when_it_fails() -> None:
    parts = Parts(Told())
    with pytest.raises(ZeroDivisionError), parts.timed("film"):
        raise ZeroDivisionError
    begun, ended = parts.times["film"]
    assert 0 <= begun <= ended <= parts.seconds + 0.01
