"""Plots as SVG: lines, bars, and the map of the cameras. Colours are the page's, by class."""

from __future__ import annotations

import html
import math
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

WIDTH, HEIGHT = 420, 220
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 24, 12, 36
_MOST_POINTS = 1500

Vectors = npt.NDArray[np.float64]


def line_chart(series: Mapping[str, Sequence[tuple[float, float]]], x_label: str, y_label: str) -> str:
    """Lines over a shared x axis; series -> (x, y) pairs. Nothing where there is nothing to draw."""
    everything = [pair for pairs in series.values() for pair in pairs if math.isfinite(pair[1])]
    if len(everything) < 2:
        return ""
    xs, ys = zip(*everything, strict=True)
    x_ticks, y_ticks = ticks(min(xs), max(xs)), ticks(min(ys), max(ys))
    x_low, x_high = min(xs), max(*xs, min(xs) + 1e-9)
    y_low, y_high = y_ticks[0], y_ticks[-1]

    def place(x: float, y: float) -> tuple[float, float]:
        across = _LEFT + (x - x_low) / (x_high - x_low) * (WIDTH - _LEFT - _RIGHT)
        down = HEIGHT - _BOTTOM - (y - y_low) / (y_high - y_low) * (HEIGHT - _TOP - _BOTTOM)
        return across, down

    parts = []
    for tick in y_ticks:
        _, y = place(x_low, tick)
        parts.append(f'<line class="grid" x1="{_LEFT}" y1="{y:.1f}" x2="{WIDTH - _RIGHT}" y2="{y:.1f}"/>')
        parts.append(f'<text class="tick end" x="{_LEFT - 6}" y="{y + 4:.1f}">{_number(tick)}</text>')
    for tick in x_ticks:
        if x_low <= tick <= x_high:
            x, _ = place(tick, y_low)
            parts.append(f'<text class="tick middle" x="{x:.1f}" y="{HEIGHT - _BOTTOM + 16}">{_number(tick)}</text>')
    for number, (name, pairs) in enumerate(series.items(), 1):
        path = " ".join("{:.1f},{:.1f}".format(*place(x, y)) for x, y in pairs if math.isfinite(y))
        parts.append(f'<polyline class="line s{number}" points="{path}"><title>{html.escape(name)}</title></polyline>')
    parts.append(f'<text class="tick middle" x="{(WIDTH + _LEFT) / 2}" y="{HEIGHT - 4}">{html.escape(x_label)}</text>')
    return _svg(parts, f"{y_label} over {x_label}", WIDTH, HEIGHT)


def time_bar(seconds: Mapping[str, float]) -> str:
    """One bar of all stages' times, in their order; nothing where no time is known."""
    total = sum(seconds.values())
    if total <= 0:
        return ""
    parts, x = [], 0.0
    for number, (stage, spent) in enumerate(seconds.items()):
        width = spent / total * WIDTH
        parts.append(
            f'<rect class="b{number % 7 + 1}" x="{x:.1f}" y="0" width="{max(width - 1, 0.5):.1f}" height="36">'
            f"<title>{html.escape(stage)}: {spent:.1f} s</title></rect>"
        )
        x += width
    return _svg(parts, "Time of each stage", WIDTH, 36, 'class="times" preserveAspectRatio="none"')


def map_from_above(points: Vectors, centers: Vectors, forwards: Vectors, held_out: Sequence[bool]) -> str:
    """Cameras and sparse points seen from above: x to the right, z towards the reader.

    Args:
        points: (N, 3) upright; centers, forwards: (M, 3) where cameras are, and where they look.
    """
    low, high = _frame_of(points, centers)
    span = float(max(high[0] - low[0], high[2] - low[2], 1e-9)) * 1.1
    middle = (low + high) / 2
    size = 480

    def place(position: Vectors) -> Vectors:
        return (position[..., [0, 2]] - middle[[0, 2]]) / span * size + size / 2

    step = max(1, len(points) // _MOST_POINTS)
    dots = place(points[::step])
    dots = dots[((dots > 0) & (dots < size)).all(axis=1)]
    marks = "".join(f"M{x:.0f} {y:.0f}h0" for x, y in dots)
    parts = [f'<path class="dots" d="{marks}"/>']
    for center, forward, held in zip(centers, forwards, held_out, strict=True):
        x, y = place(center)
        ahead = forward[[0, 2]] / max(float(np.linalg.norm(forward[[0, 2]])), 1e-9)
        left, right = _turned(ahead, 0.4) * 22, _turned(ahead, -0.4) * 22
        parts.append(
            f'<path class="camera{" held" if held else ""}" d="M{x:.1f} {y:.1f}l{left[0]:.1f} {left[1]:.1f}'
            f'L{x + right[0]:.1f} {y + right[1]:.1f}z"/>'
        )
    return _svg(parts, "Cameras and points from above", size, size)


def map_data(points: Vectors, centers: Vectors, forwards: Vectors, held_out: Sequence[bool]) -> dict[str, object]:
    """The same for a map in three dimensions: whole numbers from -1000 to 1000 about the middle."""
    low, high = _frame_of(points, centers)
    middle, half = (low + high) / 2, float(max((high - low).max() / 2, 1e-9))
    step = max(1, len(points) // _MOST_POINTS)

    def whole(positions: Vectors) -> list[list[int]]:
        shares = (positions - middle) / half
        kept = shares[(np.abs(shares) <= 1.5).all(axis=1)]
        return [[round(1000 * part) for part in position] for position in kept.tolist()]

    return {
        "points": whole(points[::step]),
        "cameras": np.rint(1000 * (centers - middle) / half).astype(int).tolist(),
        "forwards": np.round(forwards, 3).tolist(),
        "held": [bool(held) for held in held_out],
    }


def ticks(low: float, high: float, most: int = 6) -> list[float]:
    """Round numbers that enclose a range: steps of 1, 2 or 5 times a power of ten."""
    span = max(high - low, 1e-9 * max(abs(high), 1.0))
    power = 10.0 ** math.floor(math.log10(span / most))
    step = next(factor * power for factor in (1, 2, 5, 10, 20) if span / (factor * power) <= most)
    first, last = math.floor(low / step), math.ceil(high / step)
    return [round(index * step, 12) for index in range(first, max(last, first + 1) + 1)]


def _frame_of(points: Vectors, centers: Vectors) -> tuple[Vectors, Vectors]:
    """What a map must show: all cameras, and the middle nine tenths of the points."""
    if not len(points):
        return centers.min(axis=0), centers.max(axis=0)
    low, high = np.quantile(points, [0.05, 0.95], axis=0)
    return np.minimum(low, centers.min(axis=0)), np.maximum(high, centers.max(axis=0))


def _turned(direction: Vectors, angle: float) -> Vectors:
    cosine, sine = math.cos(angle), math.sin(angle)
    return np.array([cosine * direction[0] - sine * direction[1], sine * direction[0] + cosine * direction[1]])


def _number(value: float) -> str:
    return f"{value / 1000:g}k" if abs(value) >= 10_000 else f"{value:g}"


def _svg(parts: Sequence[str], title: str, width: int, height: int, attributes: str = "") -> str:
    inside, label = "".join(parts), html.escape(title)
    return f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{label}" {attributes}>{inside}</svg>'
