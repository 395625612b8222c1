"""Which photos a fisheye took, told by pairs; of whole photos in test_lens_groups.py."""

from __future__ import annotations

from splatworker.sfm.fisheye_photos import _most_obeying


def test_a_photo_is_given_the_lens_by_which_most_of_its_matches_obey() -> None:
    def pair(one: int, other: int, first: int, second: int) -> dict[tuple[bool, bool], int]:
        return {(False, False): one, (True, True): other, (True, False): first, (False, True): second}

    obeying = {(1, 2): pair(100, 70, 60, 50), (2, 3): pair(60, 60, 50, 90), (3, 4): pair(70, 100, 60, 60)}
    assert _most_obeying(obeying, {3, 4}) == {3, 4}
    assert _most_obeying(obeying, {4}) == {3, 4}
    assert _most_obeying(obeying, set()) == {3, 4}
