"""Whether there are photos enough, and what is said where there are not."""

from __future__ import annotations

from typing import Any

import pytest

from splatworker.errors import InvalidJob, InvalidMasks, NoPhotos, TooFewPhotos
from splatworker.photos.enough_photos import FEWEST_PHOTOS, MOST_PHOTOS, demand_enough, name_of

LOST: list[dict[str, Any]] = [{"index": number, "reason": "it is blank"} for number in range(5)]


def test_enough_is_enough() -> None:
    demand_enough(FEWEST_PHOTOS, LOST)
    demand_enough(MOST_PHOTOS, [])


def test_none_too_few_and_too_many_are_told_apart() -> None:
    with pytest.raises(NoPhotos, match=r"^There are no photos\.$"):
        demand_enough(0, [])
    with pytest.raises(NoPhotos, match="None of the 5 files is a photo"):
        demand_enough(0, LOST)
    with pytest.raises(TooFewPhotos, match="Only 4 of 9 photos can be used, and 5 are needed"):
        demand_enough(4, LOST)
    with pytest.raises(InvalidJob, match="There are 501 photos; at most 500"):
        demand_enough(MOST_PHOTOS + 1, [])


def test_photos_that_are_lost_for_their_masks_are_told_so() -> None:
    reasons = [
        "its mask is missing: the server answered 404",
        "its mask a.png hides all of it, for white is what is kept",
    ]
    lost = [{"index": number, "reason": reasons[number % 2]} for number in range(5)]
    for usable in (0, 4):
        with pytest.raises(InvalidMasks, match=f"Only {usable} of .* needed: 5 are left out for their masks"):
            demand_enough(usable, lost)
    with pytest.raises(TooFewPhotos):
        demand_enough(1, [*lost[:2], *LOST])  # too few in any case


def test_the_first_three_reasons_are_told_and_the_others_counted() -> None:
    with pytest.raises(TooFewPhotos, match=r"\(photo 1: it is blank; photo 2: .*; photo 3: it is blank; and 2 more\)"):
        demand_enough(1, LOST)


def test_a_photo_is_called_by_its_name_where_it_has_one() -> None:
    assert name_of({"index": 3, "name": "a.jpg"}) == "a.jpg"
    assert name_of({"index": 3}) == "photo 4"
