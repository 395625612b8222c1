"""How large the pictures of an export are, and how many: by what draws them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class RenderBudget:
    """How large and how many the pictures are: a GPU draws thousands a second, a CPU some ten.

    Attributes:
        judged: longest side of the views that decide about cleaning and scores, at most.
        poster: height of a poster.
        film_height, film_rate, film_seconds: pixels, pictures a second, seconds.
    """

    judged: int
    poster: int
    film_height: int
    film_rate: int
    film_seconds: int


ON_GPU = RenderBudget(judged=1600, poster=1080, film_height=720, film_rate=30, film_seconds=8)
ON_CPU = RenderBudget(judged=640, poster=720, film_height=360, film_rate=15, film_seconds=6)
