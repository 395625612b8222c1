"""Small painting toolkit: noise, colours, lettering and pictures, all made with numpy and Pillow."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import bpy
import numpy as np
from PIL import Image, ImageDraw, ImageFont

Colour = tuple[int, int, int]
Rng = np.random.Generator

INK: Colour = (38, 36, 40)
CREAM: Colour = (240, 232, 214)

# Each palette: a ground colour first, then colours that sit well on it.
PALETTES: list[list[Colour]] = [
    [(28, 54, 78), (226, 170, 74), (214, 96, 66), (236, 226, 200), (88, 140, 150)],
    [(232, 220, 194), (176, 62, 48), (50, 84, 92), (218, 158, 60), (86, 70, 60)],
    [(60, 84, 62), (222, 206, 150), (196, 110, 64), (140, 166, 112), (240, 234, 220)],
    [(120, 40, 52), (234, 196, 160), (60, 48, 70), (214, 128, 96), (246, 232, 212)],
    [(222, 186, 92), (52, 60, 92), (184, 74, 56), (248, 238, 208), (98, 128, 96)],
    [(74, 66, 104), (222, 150, 132), (240, 212, 160), (126, 150, 178), (44, 40, 60)],
    [(200, 214, 212), (42, 92, 112), (230, 140, 84), (84, 110, 88), (250, 246, 236)],
    [(46, 46, 50), (230, 92, 60), (240, 214, 140), (120, 160, 160), (238, 232, 222)],
]

_NAME_PARTS = "ba len tor mi sha ve rok lin da quel por ni sto fa gre wen ol tam ur bri cas ed mo pel hin sor"
_VOCABULARY = (
    "amber lantern orchard kettle harbour willow copper meadow thistle button ferry gravel marble pigeon "
    "saddle velvet walnut ribbon cellar almanac compass pebble turnip gable heron cinder bramble saucer "
    "the a of under with and slowly past between every seven quiet our early northern borrowed their "
    "carries measures forgets repairs gathers answers unfolds counts whistles balances drifts remembers"
)
_SYLLABLES = _NAME_PARTS.split()
_WORDS = _VOCABULARY.split()


def noise(shape: tuple[int, int], rng: Rng, cells: float, octaves: int = 5, stretch: float = 1.0) -> np.ndarray:
    """Fractal noise in [0, 1]: height x width, ``cells`` blobs across, drawn out sideways."""
    height, width = shape
    total = np.zeros(shape, np.float32)
    weight, size = 1.0, cells
    for _ in range(octaves):
        columns = max(2, round(size / stretch))
        rows = max(2, round(size * height / width))
        columns, rows = min(columns, width), min(rows, height)
        grid = Image.fromarray(rng.random((rows, columns), np.float32))
        total += weight * np.asarray(grid.resize((width, height), Image.Resampling.BICUBIC))
        weight *= 0.55
        size *= 2.0
    low, high = np.percentile(total, (0.5, 99.5))
    return np.clip((total - low) / max(float(high - low), 1e-6), 0.0, 1.0)


def ramp(values: np.ndarray, colours: list[Colour]) -> np.ndarray:
    """Map values in [0, 1] through evenly spaced colours."""
    stops = np.linspace(0.0, 1.0, len(colours))
    table = np.asarray(colours, np.float32)
    return np.stack([np.interp(values, stops, table[:, channel]) for channel in range(3)], -1)


def to_image(pixels: np.ndarray) -> Image.Image:
    """A float array of 0..255 values as an image."""
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


def worn(image: Image.Image, rng: Rng, amount: float = 0.08) -> Image.Image:
    """Age a surface: blotches and fine grain, as paper, paint and cloth have."""
    pixels = np.asarray(image.convert("RGB"), np.float32)
    shape = pixels.shape[:2]
    blotches = noise(shape, rng, 7, 6) - 0.5
    grain = rng.normal(0.0, 0.5, shape).astype(np.float32)
    return to_image(pixels * (1.0 + amount * (1.4 * blotches + 0.6 * grain))[..., None])


def vary(colour: Colour, rng: Rng, amount: float = 18.0) -> Colour:
    """A near neighbour of a colour."""
    shade = rng.normal(0.0, amount)
    red, green, blue = (int(np.clip(c + shade + rng.normal(0.0, amount / 3), 0, 255)) for c in colour)
    return red, green, blue


def pick(rng: Rng, colours: list[Colour]) -> Colour:
    """One colour of a list."""
    return colours[int(rng.integers(len(colours)))]


@lru_cache(maxsize=256)
def font(size: int, weight: int = 400, mono: bool = False) -> ImageFont.FreeTypeFont:
    """A font that ships inside Blender's Python module, so the lettering is the same everywhere."""
    folder = Path(bpy.utils.resource_path("LOCAL")) / "datafiles" / "fonts"
    face = ImageFont.truetype(folder / ("DejaVuSansMono.woff2" if mono else "Inter.woff2"), max(5, size))
    if not mono:
        axes = face.get_variation_axes()
        face.set_variation_by_axes([weight if axis["maximum"] >= 700 else axis["default"] for axis in axes])
    return face


def name(rng: Rng) -> str:
    """An invented proper name."""
    return "".join(rng.choice(_SYLLABLES, int(rng.integers(2, 4)))).capitalize()


def words(rng: Rng, count: int) -> str:
    """Meaningless but readable text."""
    return " ".join(rng.choice(_WORDS, count))


def title(rng: Rng) -> str:
    """An invented book title."""
    patterns = ("The {0} {1}", "{0} & {1}", "A {0} of {2}", "{2} {1}", "{0} {1} {2}", "On {0}")
    first, second = (str(word).capitalize() for word in rng.choice(_WORDS[:28], 2, replace=False))
    return str(rng.choice(patterns)).format(first, second, name(rng))


def wrapped(draw: ImageDraw.ImageDraw, text: str, face: ImageFont.FreeTypeFont, width: float) -> list[str]:
    """Break a text into lines that fit a width."""
    lines, line = [], ""
    for word in text.split():
        longer = f"{line} {word}".strip()
        if line and draw.textlength(longer, font=face) > width:
            lines.append(line)
            line = word
        else:
            line = longer
    return [*lines, line]


def text_block(
    draw: ImageDraw.ImageDraw,
    box: tuple[float, float, float, float],
    text: str,
    face: ImageFont.FreeTypeFont,
    fill: Colour,
    leading: float = 1.35,
    center: bool = False,
) -> float:
    """Set a text inside left, top, right, bottom; returns the y below the last line."""
    left, top, right, bottom = box
    step = face.size * leading
    for line in wrapped(draw, text, face, right - left):
        if top + step > bottom:
            break
        x = (left + right - draw.textlength(line, font=face)) / 2 if center else left
        draw.text((x, top), line, font=face, fill=fill)
        top += step
    return top


def handwriting(
    draw: ImageDraw.ImageDraw,
    box: tuple[float, float, float, float],
    rng: Rng,
    fill: Colour,
    line_height: float,
) -> None:
    """Pen scribble that looks like written lines."""
    left, top, right, bottom = box
    y = top + line_height
    while y < bottom:
        x = left
        end = right - (right - left) * rng.random() ** 3 * 0.7
        while x < end:
            points = []
            for _ in range(int(rng.integers(3, 9))):
                tall = line_height * (0.62 if rng.random() < 0.25 else 0.3)
                points += [
                    (x, y - rng.random() * 2),
                    (x + line_height * 0.09, y - tall * rng.uniform(0.7, 1.1)),
                ]
                x += line_height * rng.uniform(0.14, 0.26)
            draw.line([*points, (x, y)], fill=fill, width=max(1, round(line_height / 13)), joint="curve")
            x += line_height * 0.3
        y += line_height


# Pictures: each paints a whole canvas in a palette. They make covers, posters, postcards and labels.


def _hills(draw: ImageDraw.ImageDraw, w: int, h: int, rng: Rng, colours: list[Colour]) -> None:
    for row in range(h):
        t = row / h
        draw.line(
            [(0, row), (w, row)],
            fill=tuple(int(a + (b - a) * t) for a, b in zip(colours[-1], colours[1], strict=True)),
        )
    r = w * rng.uniform(0.08, 0.16)
    x, y = w * rng.uniform(0.2, 0.8), h * rng.uniform(0.15, 0.35)
    draw.ellipse([x - r, y - r, x + r, y + r], fill=colours[2])
    for layer in range(6):
        base = h * (0.38 + layer * 0.11)
        xs = np.linspace(0, w, 60)
        phases = rng.random(3) * 9
        ys = base + h * 0.05 * sum(
            np.sin(xs / w * f + p) / (i + 1) for i, (f, p) in enumerate(zip((6.0, 13.0, 29.0), phases, strict=True))
        )
        colour = vary(colours[layer % 4], rng, 14)
        draw.polygon([*zip(xs, ys, strict=True), (w, h), (0, h)], fill=colour)
        for _ in range(int(rng.integers(8, 22))):
            k = int(rng.integers(60))
            s = h * rng.uniform(0.01, 0.035) * (1 + layer * 0.3)
            draw.polygon(
                [
                    (xs[k], ys[k] - 2.4 * s),
                    (xs[k] - s * 0.6, ys[k] + s * 0.4),
                    (xs[k] + s * 0.6, ys[k] + s * 0.4),
                ],
                fill=vary(colours[(layer + 2) % 5], rng),
            )


def _rings(draw: ImageDraw.ImageDraw, w: int, h: int, rng: Rng, colours: list[Colour]) -> None:
    for _ in range(26):
        x, y, r = rng.random() * w, rng.random() * h, w * rng.uniform(0.05, 0.26)
        for k in range(int(rng.integers(3, 8))):
            q = r * (1 - k / 8)
            start = float(rng.integers(0, 360))
            draw.pieslice(
                [x - q, y - q, x + q, y + q],
                start,
                start + float(rng.integers(90, 360)),
                fill=vary(pick(rng, colours), rng, 12),
            )


def _cells(draw: ImageDraw.ImageDraw, w: int, h: int, rng: Rng, colours: list[Colour]) -> None:
    columns = int(rng.integers(5, 8))
    rows = max(2, round(columns * h / w))
    knots = np.stack(np.meshgrid(np.linspace(0, w, columns + 1), np.linspace(0, h, rows + 1)), -1)
    knots[1:-1, 1:-1] += rng.normal(0, w / columns * 0.18, knots[1:-1, 1:-1].shape)
    for j in range(rows):
        for i in range(columns):
            a, b, c, d = (tuple(knots[p]) for p in ((j, i), (j, i + 1), (j + 1, i + 1), (j + 1, i)))
            center = tuple(np.mean([a, b, c, d], axis=0) + rng.normal(0, w * 0.01, 2))
            for triangle in ((a, b, center), (b, c, center), (c, d, center), (d, a, center)):
                draw.polygon(triangle, fill=vary(pick(rng, colours), rng, 14))


def _leaves(draw: ImageDraw.ImageDraw, w: int, h: int, rng: Rng, colours: list[Colour]) -> None:
    for _ in range(max(14, round(30 * h / w))):
        sprig(draw, (rng.random() * w, rng.random() * h), w * rng.uniform(0.12, 0.3), rng, colours[1:])


def _town(draw: ImageDraw.ImageDraw, w: int, h: int, rng: Rng, colours: list[Colour]) -> None:
    for layer in range(4):
        x = -w * 0.05
        while x < w:
            wide, top = w * rng.uniform(0.07, 0.18), h * (0.18 + 0.17 * layer + rng.uniform(0, 0.2))
            wall = vary(colours[1 + layer % 4], rng, 16)
            draw.rectangle([x, top, x + wide, h], fill=wall)
            draw.polygon(
                [(x, top), (x + wide / 2, top - wide * rng.uniform(0.2, 0.7)), (x + wide, top)],
                fill=vary(pick(rng, colours), rng),
            )
            pane = wide / 5
            for wy in np.arange(top + pane, h, pane * 1.9):
                for wx in np.arange(x + pane * 0.7, x + wide - pane, pane * 1.6):
                    if rng.random() < 0.8:
                        draw.rectangle([wx, wy, wx + pane * 0.8, wy + pane], fill=vary(pick(rng, colours), rng))
            x += wide * rng.uniform(0.8, 1.2)


def _stripes(draw: ImageDraw.ImageDraw, w: int, h: int, rng: Rng, colours: list[Colour]) -> None:
    y = 0.0
    while y < h:
        tall = h * rng.uniform(0.02, 0.09)
        draw.rectangle([0, y, w, y + tall], fill=vary(pick(rng, colours), rng, 10))
        step = tall * rng.uniform(0.6, 1.6)
        kind = int(rng.integers(4))
        for x in np.arange(0, w, step):
            ink = vary(pick(rng, colours), rng, 12)
            if kind == 0:
                draw.polygon([(x, y + tall), (x + step / 2, y), (x + step, y + tall)], fill=ink)
            elif kind == 1:
                draw.ellipse([x, y + tall * 0.2, x + step * 0.7, y + tall * 0.8], fill=ink)
            elif kind == 2:
                draw.line([(x, y), (x + step, y + tall)], fill=ink, width=max(2, int(tall * 0.2)))
        y += tall


def _strata(w: int, h: int, rng: Rng, colours: list[Colour]) -> Image.Image:
    field = noise((h, w), rng, 4, 6)
    lines = (np.abs((field * 14) % 1.0 - 0.5) > 0.44).astype(np.float32)[..., None]
    return to_image(ramp(np.floor(field * 14) / 14, colours) * (1 - 0.55 * lines))


def sprig(draw: ImageDraw.ImageDraw, root: tuple[float, float], length: float, rng: Rng, colours: list[Colour]) -> None:
    """A stem with leaves on both sides, or with berries."""
    angle, bend = rng.random() * math.tau, rng.uniform(-0.12, 0.12)
    colour, other = vary(pick(rng, colours), rng, 14), vary(pick(rng, colours), rng, 14)
    x, y = root
    count = int(rng.integers(5, 10))
    for k in range(count):
        nx, ny = x + math.cos(angle) * length / count, y + math.sin(angle) * length / count
        draw.line([(x, y), (nx, ny)], fill=other, width=max(2, int(length / 40)))
        size = length * 0.2 * (1.15 - k / count)
        for side in (-1, 1):
            a = angle + side * rng.uniform(0.6, 1.0)
            tip = (nx + math.cos(a) * size * 1.5, ny + math.sin(a) * size * 1.5)
            mid = (nx + math.cos(a) * size * 0.7, ny + math.sin(a) * size * 0.7)
            off = (-math.sin(a) * size * 0.3, math.cos(a) * size * 0.3)
            draw.polygon(
                [(nx, ny), (mid[0] + off[0], mid[1] + off[1]), tip, (mid[0] - off[0], mid[1] - off[1])],
                fill=colour,
            )
            draw.line([(nx, ny), tip], fill=other, width=max(1, int(length / 90)))
        x, y = nx, ny
        angle += bend
    r = length * rng.uniform(0.05, 0.1)
    draw.ellipse([x - r, y - r, x + r, y + r], fill=vary(pick(rng, colours), rng, 14))


_PAINTERS: list[Callable[[ImageDraw.ImageDraw, int, int, Rng, list[Colour]], None]] = [
    _hills,
    _rings,
    _cells,
    _leaves,
    _town,
    _stripes,
]
PICTURE_KINDS = len(_PAINTERS) + 1


def picture(width: int, height: int, rng: Rng, palette: int, kind: int) -> Image.Image:
    """A picture of one of the kinds, in one of the palettes."""
    colours = PALETTES[palette % len(PALETTES)]
    kind %= PICTURE_KINDS
    if kind == len(_PAINTERS):
        return _strata(width, height, rng, colours)
    large = Image.new("RGB", (width * 2, height * 2), colours[0])
    _PAINTERS[kind](ImageDraw.Draw(large), width * 2, height * 2, rng, colours)
    return large.resize((width, height), Image.Resampling.LANCZOS)
