"""Marked cells of pictures and grids: which hang together, what is near them, and what they enclose.

What is beyond the border is not marked. Arrays have any number of dimensions; cells touch with their faces, which are
edges in a picture, and where it is asked for with edges and corners, too.
"""

from __future__ import annotations

import itertools
import math
import operator

import numpy as np
import numpy.typing as npt

Mask = npt.NDArray[np.bool_]
Numbers = npt.NDArray[np.intp]


def pieces(marked: Mask, *, corners: bool = False) -> tuple[npt.NDArray[np.int32], int]:
    """The number of the piece that each cell belongs to, from 1, or 0 where nothing is marked; and how many there are.

    Pieces are numbered by their first cells, in the order of the array.

    Args:
        corners: cells touch with edges and corners, too.
    """
    room = np.pad(np.ascontiguousarray(marked), 1)  # so that no row goes on in the next
    flat = room.ravel()
    turns = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    begins, ends = turns[::2], turns[1::2]  # of runs along the last axis, each of which hangs together
    first = _first_of_each(len(begins), *_touching(begins, ends, _rows_before(room.shape, corners), int(corners)))
    numbers = np.cumsum(first == np.arange(len(first)))
    labels = np.zeros(marked.shape, np.int32)
    labels[marked] = np.repeat(numbers[first], ends - begins)
    return labels, int(numbers[-1]) if len(numbers) else 0


def _rows_before(shape: tuple[int, ...], corners: bool) -> list[int]:
    """How many cells before a row, along the last axis, each of those lies that touch it and come before it."""
    strides = [math.prod(shape[axis + 1 :]) for axis in range(len(shape) - 1)]
    steps = itertools.product((-1, 0, 1), repeat=len(strides))
    touch = [step for step in steps if corners or sum(map(abs, step)) == 1]
    return [away for away in (sum(map(operator.mul, step, strides)) for step in touch) if away > 0]


def _touching(begins: Numbers, ends: Numbers, rows: list[int], beside: int) -> tuple[Numbers, Numbers]:
    """(L,) runs, by their numbers, and (L,) those in rows before that they touch; `beside` cells off along it, too."""
    one, other = [np.zeros(0, np.intp)], [np.zeros(0, np.intp)]
    for away in rows:
        since = np.searchsorted(ends, begins - away - beside, side="right")
        many = np.searchsorted(begins, ends - away + beside) - since
        one.append(np.repeat(np.arange(len(begins)), many))
        other.append(np.arange(len(one[-1])) + np.repeat(since - np.cumsum(many) + many, many))
    return np.concatenate(one), np.concatenate(other)


def _first_of_each(count: int, one: Numbers, other: Numbers) -> Numbers:
    """(count,) the least number that links, between (L,) numbers and (L,) others, lead to from each number."""
    first = np.arange(count)
    while len(one):
        high, low = np.maximum(one, other), np.minimum(one, other)
        np.minimum.at(first, high, low)
        while not np.array_equal(nearer := first[first], first):
            first = nearer
        one, other = first[high], first[low]
        apart = one != other
        one, other = one[apart], other[apart]
    return first


def grown(marked: Mask, steps: int = 1, *, corners: bool = False) -> Mask:
    """What is marked, and what it touches; so many times."""
    for _ in range(steps):
        before, marked = marked, marked.copy()
        for axis in range(marked.ndim):
            source, target = (np.moveaxis(of, axis, 0) for of in (marked.copy() if corners else before, marked))
            target[1:] |= source[:-1]
            target[:-1] |= source[1:]
    return marked


def closed(marked: Mask, steps: int = 1) -> Mask:
    """What is marked, and gaps in it that are closed when it grows by so many steps: it shrinks by as many again."""
    room = steps + 1
    inside = (slice(room, -room),) * marked.ndim
    return np.asarray(~grown(~grown(np.pad(marked, room), steps), steps)[inside])


def filled(marked: Mask) -> Mask:
    """What is marked, in two dimensions or more, and what it encloses."""
    labels, _ = pieces(~np.pad(marked, 1))
    return np.asarray(labels != 1)[(slice(1, -1),) * marked.ndim]  # the first cell is outside
