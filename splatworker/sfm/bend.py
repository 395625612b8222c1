"""Whether a model is bent: two parts of it, each true in itself, stand to each other otherwise than their matches say.

A mapper closes a loop where it should not, or takes one side of a thing for another, and bends what lies between: by a
few degrees, and the points follow. No single camera is misplaced then, and most matches across the bend still obey
within the pixels of `agreement`; closely they do not. So photos are put together as long as, of all matches between two
groups, about as many obey closely as the model's best pairs have; groups that stay apart are parts of a bent model.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from splatworker.sfm.agreement import LEAST_MATCHES
from splatworker.sfm.pairs import Pair

CLOSE_PX = 3.0
"""Within so many pixels a match obeys closely."""

PARTED = 0.6
"""Groups are apart where a smaller share of the matches between them obeys closely, times that of the model's good
pairs. Good models stay whole up to 0.76, halves bent by 3 degrees are apart from 0.40 on: bench/gate.py."""

_GOOD_PAIRS = 90
"""The percentile of the pairs' shares that says how many matches obey where all is well. Not the median: in a model of
two like parts most pairs may lie across the bend."""


def parts(votes: Mapping[Pair, tuple[int, int]]) -> list[set[int]]:
    """The groups of photos that hang together closely, the largest first.

    Args:
        votes: pair -> (matches that obey closely, all its matches), as `agreement.agreeing` counts them.
    """
    least = PARTED * usual_share(votes)
    group = {image_id: image_id for pair in votes for image_id in pair}
    members = {image_id: {image_id} for image_id in group}
    between: dict[int, dict[int, tuple[int, int]]] = {image_id: {} for image_id in group}
    for (first, second), vote in votes.items():
        between[first][second] = between[second][first] = vote
    for first, second in sorted(votes, key=lambda pair: (-votes[pair][0] / votes[pair][1], pair)):
        one, other = group[first], group[second]
        if one == other:
            continue
        agree, matches = between[one][other]
        if agree < least * matches:
            continue
        members[one] |= members[other]
        group |= dict.fromkeys(members.pop(other), one)
        _merge(between, one, other)
    return sorted(members.values(), key=lambda one: (-len(one), min(one)))


def bent(votes: Mapping[Pair, tuple[int, int]]) -> set[int]:
    """The photos of all parts but the largest that matches enough join with it, and not closely; mostly none."""
    largest, *others = parts(votes) or [set[int]()]
    found: set[int] = set()
    for part in others:
        joins = ((a in part and b in largest) or (b in part and a in largest) for a, b in votes)
        across = sum(matches for (_, matches), is_across in zip(votes.values(), joins, strict=True) if is_across)
        if across >= LEAST_MATCHES:
            found |= part
    return found


def usual_share(votes: Mapping[Pair, tuple[int, int]]) -> float:
    """The share of matches that agree where all is well; 0 where no pair has enough to tell."""
    shares = [agree / matches for agree, matches in votes.values() if matches >= LEAST_MATCHES]
    return float(np.percentile(shares, _GOOD_PAIRS)) if shares else 0.0


def _merge(between: dict[int, dict[int, tuple[int, int]]], one: int, other: int) -> None:
    """What is between `other` and the rest is now between `one` and the rest."""
    for rest, (agree, matches) in between.pop(other).items():
        del between[rest][other]
        if rest != one:
            before = between[one].get(rest, (0, 0))
            between[one][rest] = between[rest][one] = before[0] + agree, before[1] + matches
