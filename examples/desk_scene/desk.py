"""The desk and everything that lies on it."""

from __future__ import annotations

import math

from mathutils import Matrix

from . import labels, surfaces
from .books import build_books, build_notebook, build_open_book, build_papers
from .layout import DESK_SIZE, DESK_TOP, at
from .meshes import Point, box, grid, lathe, material, pose, rounded, tube
from .paint import Rng, picture
from .things import build_globe, build_mug, build_pencils, build_small_things, build_toys, plant


def build_desk(rng: Rng) -> None:
    """Table top, apron and legs."""
    tones = [(92, 54, 30), (146, 94, 54), (186, 134, 84)]
    top = material(surfaces.wood(3000, 1640, rng, tones, 5), (0.32, 0.52), 0.3)
    side = material(surfaces.wood(1500, 120, rng, tones), (0.4, 0.6), 0.3)
    wide, deep, thick = DESK_SIZE
    box("desk top", DESK_SIZE, [side, side, side, side, top, side], pose((0, 0, DESK_TOP - thick)), 0.006)
    for y in (-1, 1):
        box(
            "apron",
            (wide - 0.2, 0.02, 0.09),
            [side],
            pose((0, y * (deep / 2 - 0.07), DESK_TOP - thick - 0.09)),
        )
    leg = material(surfaces.wood(700, 80, rng, tones).rotate(90, expand=True), (0.4, 0.6), 0.3)
    for x in (-1, 1):
        for y in (-1, 1):
            box(
                "leg",
                (0.06, 0.06, DESK_TOP - thick),
                [leg],
                pose((x * (wide / 2 - 0.08), y * (deep / 2 - 0.07), 0)),
                0.005,
            )


def build_cloth(rng: Rng) -> None:
    """A patchwork runner that hangs over the front edge of the desk."""
    wide, long, turn = 0.62, 0.86, math.radians(7)
    surface = material(surfaces.patchwork(1500, 2000, rng), (0.8, 0.95), 0.5, sheen=0.25, depth=0.0012)
    phases = rng.random(8) * math.tau
    edge, radius = -DESK_SIZE[1] / 2 - 0.001, 0.012

    def ripple(x: float, y: float) -> float:
        wave = sum(
            math.sin(x * fx + y * fy + p)
            for fx, fy, p in zip((9, 23, -17, 41), (14, -11, 29, 17), phases, strict=False)
        )
        return 0.0022 + 0.0016 * max(0.0, wave)

    def place(s: float, t: float) -> Point:
        lx, ly = (s - 0.5) * wide, (t - 0.5) * long - 0.2
        x = lx * math.cos(turn) - ly * math.sin(turn) - 0.08
        y = lx * math.sin(turn) + ly * math.cos(turn)
        over = edge - y
        z = ripple(x, y)
        if over <= 0:
            return x, y, z
        angle = min(math.pi / 2, over / radius)
        drop = max(0.0, over - radius * math.pi / 2)
        fold = 0.016 * math.sin(x * 34 + phases[5]) * min(1.0, drop / 0.15) + 0.012 * min(1.0, drop / 0.1)
        return x, edge - radius * math.sin(angle) - fold, z - radius * (1 - math.cos(angle)) - drop

    grid("runner", 110, 150, place, surface, at(0, 0), thickness=-0.0012)


def build_boxes(rng: Rng) -> None:
    """A carton, tea tins and a parcel."""
    faces = [material(image, (0.35, 0.55), 0.05) for image in labels.carton_faces(rng, 4)]
    box("carton", (0.13, 0.06, 0.2), faces, at(0.36, 0.315, 0, -14), 0.0015)
    metal = material((168, 150, 110), (0.18, 0.36), 0.05, metallic=1.0)
    for x, y, radius, tall, palette, kind, text in (
        (-0.195, 0.20, 0.042, 0.105, 4, 5, "Smoky Leaf"),
        (0.265, 0.235, 0.033, 0.075, 0, 1, "Sea Mints"),
    ):
        where = at(x, y)
        label = material(labels.tin_label(rng, 1300, 520, palette, kind, text), (0.25, 0.42), 0.05, coat=0.15)
        lathe("tin", [(radius, 0.001), (radius, tall)], label, where)
        lid = rounded(
            [
                (0.0, tall + 0.004),
                (radius - 0.006, tall + 0.004),
                (radius + 0.0014, tall + 0.003),
                (radius + 0.0014, tall - 0.014),
                (radius, tall - 0.014),
            ],
            2,
        )
        lathe("lid", lid[::-1], metal, where)
    card = [material(labels.cardboard(rng, label=k in (0, 4)), (0.7, 0.9), 0.2) for k in range(6)]
    box(
        "parcel",
        (0.2, 0.14, 0.085),
        card,
        at(0.62, -0.11, 0.006, 20) @ Matrix.Translation((0.0, 0.0, 0)),
        0.003,
    )


def build_lamp(rng: Rng, where: Matrix) -> None:
    """A desk lamp, switched off, with a printed shade."""
    iron = material((52, 74, 78), (0.25, 0.45), 0.05, coat=0.2)
    lathe(
        "lamp foot",
        rounded([(0.0, 0.0), (0.07, 0.0), (0.07, 0.012), (0.02, 0.02), (0.008, 0.03), (0.0, 0.03)], 3),
        iron,
        where,
    )
    tube("stem", [(0, 0, 0.02), (0, 0, 0.2), (0.006, -0.002, 0.27)], 0.006, iron, where)
    shade = material(picture(1600, 420, rng, 6, 3), (0.7, 0.9), 0.1)
    lathe("shade", [(0.1, 0.22), (0.062, 0.36)], shade, where @ pose((0, 0, 0), 0, (5, 4)))


def build(rng: Rng) -> None:
    """Everything on the desk."""
    build_desk(rng)
    build_cloth(rng)
    build_papers(rng)
    build_books(rng)
    build_open_book(rng, at(-0.075, -0.14, 0.006, 9))
    build_notebook(rng, at(0.235, -0.275, 0.008, -17))
    build_mug(rng, at(0.345, 0.085, 0.008, -130))
    build_pencils(rng)
    build_globe(rng, at(-0.05, 0.27, 0, 40))
    plant(rng, at(0.61, 0.285))
    build_toys(rng)
    build_boxes(rng)
    build_lamp(rng, at(-0.30, 0.30))
    build_small_things(rng)
