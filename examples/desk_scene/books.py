"""Books, printed sheets and notes on the desk."""

from __future__ import annotations

import math

import numpy as np
from mathutils import Matrix

from . import prints, surfaces
from .layout import at
from .meshes import Point, box, grid, material, solid, tube
from .paint import PALETTES, Rng, picture, vary

_PAPER_ROUGHNESS = (0.6, 0.85)
_COVER_ROUGHNESS = (0.26, 0.46)
_UPRIGHT = Matrix(((0, 0, 1, 0), (1, 0, 0, 0), (0, 1, 0, 0), (0, 0, 0, 1)))  # lying -> standing, spine to -y


def book(rng: Rng, size: Point, where: Matrix, palette: int, kind: int, soft: bool = False) -> None:
    """A closed book lying on its back cover: x spine to fore-edge, y up the cover, z thickness."""
    wide, tall, thick = size
    scale = 2600 if tall < 0.3 else 2000  # jacket pixels per metre
    bulge = 0.05 if soft else 0.2
    arc = [
        (0.004 - bulge * thick * math.cos(a), thick / 2 + thick / 2 * math.sin(a))
        for a in np.linspace(-math.pi / 2, math.pi / 2, 13)
    ]
    profile = [(wide, 0.0), *[(x, z) for x, z in arc], (wide, thick)]
    lengths = np.concatenate([[0], np.cumsum(np.hypot(*np.diff(np.asarray(profile), axis=0).T))])
    spine = lengths[-2] - lengths[1]
    image, _ = prints.jacket(rng, int(wide * scale), max(12, int(spine * scale)), int(tall * scale), palette, kind)
    cover = material(image, (0.3, 0.5) if soft else _COVER_ROUGHNESS, 0.06, coat=0.0 if soft else 0.15)
    vertices = [(x, y, z) for y in (0.0, tall) for x, z in profile]
    count = len(profile)
    faces, uvs = [], []
    for k in range(count - 1):
        faces.append((k, count + k, count + k + 1, k + 1))
        u0, u1 = lengths[k] / lengths[-1], lengths[k + 1] / lengths[-1]
        uvs += [(u0, 0), (u0, 1), (u1, 1), (u1, 0)]
    center = Matrix.Translation((-wide / 2, -tall / 2, 0))
    board = 0.0007 if soft else 0.0026
    solid("cover", vertices, faces, uvs, [cover], where @ center, bevel=0.0006, thickness=-board)
    edges = material(surfaces.page_edges(rng), (0.7, 0.9), 0.25)
    inset = 0.0005 if soft else 0.004
    block = (wide - inset - 0.003, tall - 2 * inset, thick - 2 * board)
    box("pages", block, [edges], where @ Matrix.Translation((0.0015 - inset / 2, 0, board)), 0.0005)


def build_books(rng: Rng) -> None:
    """A standing row, two piles and an open book."""
    x = -0.70
    row = [
        (0.165, 0.235, 0.034),
        (0.15, 0.215, 0.022),
        (0.17, 0.25, 0.041),
        (0.135, 0.20, 0.028),
        (0.16, 0.24, 0.019),
        (0.148, 0.225, 0.036),
        (0.13, 0.195, 0.024),
    ]
    for k, size in enumerate(row):
        where = at(x + size[2] / 2, 0.275 + rng.uniform(-0.012, 0.012), size[1] / 2, rng.normal(0, 1.2))
        book(rng, size, where @ _UPRIGHT @ Matrix.Translation((0, 0, -size[2] / 2)), k, k + 2, soft=k in (1, 4))
        x += size[2] + 0.003
    lean = at(x + 0.047, 0.27, 0.100, 2, (0, -17))
    book(rng, (0.14, 0.21, 0.026), lean @ _UPRIGHT @ Matrix.Translation((0, 0, -0.013)), 4, 1)

    z = 0.0
    for size, turn, dx, palette, kind in (
        ((0.215, 0.29, 0.038), 96, 0.0, 0, 4),
        ((0.19, 0.25, 0.031), 82, 0.012, 3, 0),
        ((0.17, 0.24, 0.024), 104, -0.01, 4, 6),
        ((0.15, 0.21, 0.03), 74, 0.006, 1, 2),
    ):
        book(rng, size, at(0.51 + dx, 0.03 + dx, z, turn), palette, kind)
        z += size[2] + 0.0008
    book(rng, (0.145, 0.205, 0.018), at(-0.60, -0.235, 0.004, 24), 6, 3, soft=True)
    book(rng, (0.12, 0.18, 0.016), at(-0.585, -0.225, 0.0235, -12), 5, 0, soft=True)


def build_open_book(rng: Rng, where: Matrix) -> None:
    """A book open in the middle, its pages swelling towards the gutter."""
    wide, tall, swell = 0.185, 0.255, 0.021
    boards = material(vary(PALETTES[3][0], rng), (0.4, 0.6))
    box("open cover", (2 * wide + 0.014, tall + 0.01, 0.003), [boards], where, 0.001)
    edges = material(surfaces.page_edges(rng), (0.7, 0.9), 0.2)

    def height(x: float) -> float:
        return 0.0035 + swell * (1 - math.exp(-abs(x) / 0.012)) * (1 - 0.62 * (abs(x) / wide) ** 2.2) + 0.002

    for side in (-1, 1):
        paper = material(prints.page(1000, 1380, rng, 2, pen=side > 0), _PAPER_ROUGHNESS, 0.03)

        def top(s: float, t: float, side: int = side) -> Point:
            x = wide * (s - 1 if side < 0 else s)
            return x, (t - 0.5) * tall, height(x)

        grid("page", 40, 4, top, paper, where)
        for end in (-1, 1):

            def skirt(s: float, t: float, side: int = side, end: int = end) -> Point:
                x = wide * (s - 1 if side < 0 else s)
                return x, end * tall / 2, 0.003 + (height(x) - 0.003) * t

            grid("page ends", 40, 1, skirt, edges, where)

        def fore(s: float, t: float, side: int = side) -> Point:
            return side * (wide + 0.004 * (1 - t)), (s - 0.5) * tall, 0.003 + (height(wide) - 0.003) * t

        grid("fore-edge", 4, 1, fore, edges, where)


def build_papers(rng: Rng) -> None:
    """Printed sheets, notes, postcards and sticky notes, loosely overlapping."""
    sheets = [
        (-0.47, -0.03, 14, 0.210, 0.297, prints.page(1050, 1485, rng, 2, pen=True)),
        (-0.40, -0.17, -9, 0.210, 0.297, prints.page(1050, 1485, rng, 3)),
        (0.37, -0.25, 21, 0.210, 0.297, prints.page(1050, 1485, rng, 2)),
        (0.60, -0.22, -16, 0.148, 0.210, prints.notes(800, 1130, rng, (250, 246, 226))),
        (0.21, 0.20, -34, 0.148, 0.210, prints.page(800, 1130, rng, 1)),
        (-0.27, 0.13, -52, 0.148, 0.105, prints.postcard(800, 570, rng, 0, 0)),
        (-0.66, 0.10, 8, 0.148, 0.105, prints.postcard(800, 570, rng, 3, 4)),
        (0.24, 0.02, 12, 0.105, 0.148, prints.postcard(570, 800, rng, 2, 3)),
        (0.66, -0.02, 62, 0.148, 0.105, prints.postcard(800, 570, rng, 5, 0)),
        (-0.26, 0.32, 6, 0.076, 0.076, prints.notes(400, 400, rng, (250, 226, 110), ruled=False)),
        (0.27, -0.13, -8, 0.076, 0.076, prints.notes(400, 400, rng, (246, 170, 160), ruled=False)),
        (-0.52, -0.33, 20, 0.076, 0.076, prints.notes(400, 400, rng, (170, 214, 190), ruled=False)),
    ]
    for k, (x, y, turn, wide, tall, image) in enumerate(sheets):
        curl = rng.uniform(0.003, 0.011, 4)

        def place(s: float, t: float, wide: float = wide, tall: float = tall, curl: np.ndarray = curl) -> Point:
            corners = ((1 - s) * (1 - t), s * (1 - t), (1 - s) * t, s * t)
            lift = sum(c * weight**3 for c, weight in zip(curl, corners, strict=True))
            return (
                (s - 0.5) * wide,
                (t - 0.5) * tall,
                lift + 0.0006 * math.sin(5 * s + 7 * t + curl[0] * 900) + 0.0006,
            )

        grid(
            "sheet",
            14,
            14,
            place,
            material(image, _PAPER_ROUGHNESS, 0.03),
            at(x, y, 0.0012 + 0.0009 * k, turn),
            thickness=-0.0002,
        )


def build_notebook(rng: Rng, where: Matrix) -> None:
    """A spiral-bound notebook, open at a page of handwriting."""
    cover = material(picture(500, 700, rng, 2, 2), _COVER_ROUGHNESS)
    edges = material(surfaces.page_edges(rng), (0.7, 0.9), 0.2)
    paper = material(prints.notes(900, 1260, rng, (252, 250, 242)), _PAPER_ROUGHNESS, 0.03)
    box("notebook cover", (0.152, 0.214, 0.002), [cover], where, 0.0008)
    box(
        "notebook pages",
        (0.146, 0.208, 0.009),
        [edges, edges, edges, edges, paper, edges],
        where @ Matrix.Translation((0.001, 0, 0.002)),
        0.0006,
    )
    coil = [
        (-0.071 + 0.0062 * math.cos(a), -0.096 + 0.192 * a / (24 * math.tau), 0.0058 + 0.0085 * math.sin(a))
        for a in np.linspace(0, 24 * math.tau, 24 * 14)
    ]
    tube("coil", coil, 0.0006, material((150, 150, 156), (0.2, 0.35), 0, metallic=1.0), where)
