"""What lies and stands on the desk: a mug, pencils, a globe, a plant, toys, and small things."""

from __future__ import annotations

import math

import numpy as np
from mathutils import Matrix, Vector

from . import labels, surfaces
from .layout import at
from .meshes import Point, box, grid, lathe, material, pose, rounded, solid, tube
from .paint import Rng, pick, picture, vary


def build_mug(rng: Rng, where: Matrix) -> None:
    """A glazed mug with coffee on a cork coaster."""
    glaze = material(surfaces.mug_glaze(rng), (0.1, 0.24), 0.05, coat=0.4)
    box("coaster", (0.1, 0.1, 0.005), [material(picture(500, 500, rng, 7, 1), (0.5, 0.7))], where, 0.002)
    mug = where @ Matrix.Translation((0, 0, 0.005))
    profile = rounded(
        [
            (0.0, 0.0),
            (0.034, 0.0),
            (0.037, 0.006),
            (0.043, 0.03),
            (0.043, 0.07),
            (0.042, 0.097),
            (0.0395, 0.098),
            (0.0385, 0.07),
            (0.0385, 0.03),
            (0.03, 0.008),
            (0.0, 0.006),
        ],
        3,
    )
    lathe("mug", profile, glaze, mug, 96)
    lathe("coffee", [(0.0, 0.074), (0.0386, 0.074)], material((44, 24, 14), (0.05, 0.1), 0), mug)
    handle = [
        (0.041 + 0.031 * math.sin(a) ** 0.8, 0.0, 0.052 + 0.029 * math.cos(a)) for a in np.linspace(0.02, 3.12, 40)
    ]
    tube("handle", handle, 0.0055, material((214, 202, 176), (0.12, 0.24), 0.05, coat=0.4), mug)


def pencil(rng: Rng, where: Matrix, colour: tuple[int, int, int], length: float = 0.17) -> None:
    """A hexagonal pencil along x, sharpened at +x."""
    r = 0.0037
    wood = material((214, 170, 118), (0.6, 0.8))
    ring = [(r * math.cos(k * math.tau / 6), r * math.sin(k * math.tau / 6)) for k in range(6)]
    sections = [(0.0, 1.0), (length - 0.018, 1.0), (length - 0.005, 0.3), (length, 0.06)]
    vertices = [(x, a * f, b * f + r) for x, f in sections for a, b in ring]
    faces, slots = [tuple(range(5, -1, -1))], [1]
    for j in range(3):
        for k in range(6):
            n = (k + 1) % 6
            faces.append((6 * j + k, 6 * j + n, 6 * j + 6 + n, 6 * j + 6 + k))
            slots.append(j)
    paint = material(vary(colour, rng), (0.2, 0.35), 0.03, coat=0.3)
    solid(
        "pencil",
        vertices,
        faces,
        None,
        [paint, wood, material((50, 48, 50), (0.4, 0.5))],
        where,
        slots,
        bevel=0.0004,
    )


def build_pencils(rng: Rng) -> None:
    """A printed pot of pencils and brushes, and a few lying about."""
    colours = [(206, 152, 30), (176, 42, 40), (36, 84, 136), (44, 110, 66), (70, 50, 90), (220, 110, 40)]
    pot = at(0.15, 0.305)
    label = material(labels.tin_label(rng, 1200, 480, 1, 5, "Plum Jam"), (0.3, 0.5), 0.05)
    lathe("pot", [(0.039, 0.0), (0.040, 0.002), (0.040, 0.104), (0.039, 0.106)], label, pot)
    lathe(
        "pot inside",
        [(0.0, 0.004), (0.0375, 0.004), (0.0375, 0.104), (0.039, 0.106)],
        material((176, 172, 164), (0.3, 0.45), metallic=0.8),
        pot,
    )
    for k in range(9):
        lean = pose(
            (0.016 * math.cos(k * 2.4), 0.016 * math.sin(k * 2.4), 0.006),
            math.degrees(k * 2.4),
            (0, rng.uniform(4, 9)),
        )
        pencil(
            rng,
            pot @ lean @ Matrix.Rotation(-math.pi / 2, 4, "Y"),
            pick(rng, colours),
            rng.uniform(0.13, 0.19),
        )
    for x, y, z, turn, colour in (
        (0.1, -0.32, 0.006, 28, 0),
        (-0.30, -0.33, 0.007, -22, 1),
        (0.31, -0.22, 0.006, 70, 2),
        (0.52, -0.36, 0.002, 6, 3),
        (-0.36, 0.03, 0.004, 118, 5),
    ):
        pencil(rng, at(x, y, z, turn), colours[colour])
    ruler = labels.ruler(rng)
    flat = material(ruler, (0.3, 0.5), 0.1)
    box("ruler", (0.31, 0.03, 0.0032), [flat], at(0.05, -0.375, 0.006, -4), 0.0008)


def build_globe(rng: Rng, where: Matrix) -> None:
    """A table globe of an invented world."""
    radius, lift = 0.098, 0.148
    brass = material((170, 128, 66), (0.2, 0.4), 0.05, metallic=1.0)
    stand = material(surfaces.wood(600, 300, rng, [(70, 38, 22), (112, 66, 40), (140, 90, 56)]), (0.25, 0.45), coat=0.2)
    lathe(
        "foot",
        rounded(
            [
                (0.0, 0.0),
                (0.072, 0.0),
                (0.072, 0.012),
                (0.05, 0.02),
                (0.016, 0.026),
                (0.014, 0.04),
                (0.0, 0.042),
            ],
            3,
        ),
        stand,
        where,
    )
    tilted = where @ pose((0, 0, lift), 24, (23, 0))
    meridian = [(radius * math.cos(a), radius * math.sin(a)) for a in np.linspace(-math.pi / 2, math.pi / 2, 49)]
    lathe("sphere", meridian, material(labels.globe_map(rng), (0.22, 0.4), 0.05, coat=0.2), tilted, 96)
    ring = [
        (0.0, (radius + 0.009) * math.cos(a), (radius + 0.009) * math.sin(a))
        for a in np.linspace(-math.pi / 2, math.pi / 2, 60)
    ]
    tube("meridian", ring, 0.0032, brass, tilted)
    tube("axis", [(0, 0, -radius - 0.012), (0, 0, radius + 0.012)], 0.0024, brass, tilted)
    tube("neck", [(0, 0, 0.035), (0, 0, lift - radius - 0.008)], 0.005, brass, where)


def plant(rng: Rng, where: Matrix, scale: float = 1.0, count: int = 34) -> None:
    """A leafy plant in a painted pot."""
    pot = material(picture(1200, 360, rng, 1, 5), (0.5, 0.75), 0.2)
    lathe(
        "pot",
        [
            (r * scale, z * scale)
            for r, z in rounded(
                [
                    (0.0, 0.0),
                    (0.048, 0.0),
                    (0.052, 0.01),
                    (0.066, 0.1),
                    (0.07, 0.102),
                    (0.07, 0.116),
                    (0.062, 0.116),
                    (0.06, 0.095),
                    (0.0, 0.093),
                ],
                2,
            )
        ],
        pot,
        where,
    )
    lathe(
        "soil",
        [(0.0, 0.099 * scale), (0.061 * scale, 0.096 * scale)],
        material((54, 40, 30), (0.8, 1.0), 0.9, uneven=260, depth=0.004),
        where,
    )
    kinds = [material(surfaces.leaf(rng), (0.28, 0.48), 0.2, depth=0.001) for _ in range(4)]
    stem = material((84, 104, 52), (0.5, 0.7))
    for k in range(count):
        around = k * 2.39996 + rng.normal(0, 0.2)
        rise = 0.35 + 0.65 * (k / count) + rng.normal(0, 0.05)
        reach = scale * (0.03 + 0.085 * math.sqrt(max(0.05, 1 - (k / count) ** 2)) * rng.uniform(0.75, 1.2))
        top = Vector((reach * math.cos(around), reach * math.sin(around), scale * (0.11 + 0.18 * rise)))
        root = Vector((0.018 * scale * math.cos(around), 0.018 * scale * math.sin(around), 0.095 * scale))
        bend = (root + top) / 2 + Vector((0, 0, 0.025 * scale)) - Vector((top.x, top.y, 0)) * 0.25
        points = [root * (1 - t) ** 2 + bend * 2 * t * (1 - t) + top * t * t for t in np.linspace(0, 1, 9)]
        tube("stem", [tuple(p) for p in points], 0.0015 * scale, stem, where)
        long, half = scale * rng.uniform(0.075, 0.115), scale * rng.uniform(0.017, 0.026)
        droop = rng.uniform(0.5, 1.3)

        def blade(s: float, t: float, long: float = long, half: float = half, droop: float = droop) -> Point:
            width = half * math.sin(math.pi * min(1.0, s * 0.97 + 0.02)) ** 0.75
            across = (t - 0.5) * 2
            return (
                long * s * (1 - 0.12 * droop * s),
                across * width,
                -droop * long * 0.45 * s * s + abs(across) * width * 0.28 + 0.003 * math.sin(s * 17 + across * 2),
            )

        turn = pose(tuple(top), math.degrees(around) + rng.normal(0, 14), (rng.normal(0, 14), rng.uniform(-34, 4)))
        grid("leaf", 14, 6, blade, kinds[k % 4], where @ turn, thickness=0.0004)


def build_toys(rng: Rng) -> None:
    """Letter blocks, a tram, dice-like cubes and marbles."""
    letters = iter("SPLATFOTOWEGZKUNDHRMBIQVAXYCJLONE")
    blocks = [
        (0.60, -0.335, 0, 12),
        (0.648, -0.325, 0, -20),
        (0.622, -0.331, 0.0402, 33),
        (0.70, -0.27, 0, 50),
        (0.50, 0.05, 0.1262, 20),
        (0.545, 0.028, 0.1262, -8),
        (-0.705, -0.06, 0, 40),
    ]
    for x, y, z, turn in blocks:
        faces = [material(labels.block_face(rng, next(letters, "O")), (0.45, 0.65), 0.25) for _ in range(6)]
        box("block", (0.04, 0.04, 0.04), faces, at(x, y, z + 0.001, turn), 0.0028)
    tram = at(-0.37, -0.335, 0.004, 16)
    side = material(labels.tram_side(rng, (168, 40, 36)), (0.22, 0.4), 0.06, coat=0.3)
    end = material(picture(300, 300, rng, 3, 4), (0.25, 0.4), 0.05, coat=0.3)
    roof = material(surfaces.wood(600, 200, rng, [(70, 76, 80), (96, 104, 106), (124, 130, 128)]), (0.3, 0.5))
    box(
        "tram",
        (0.13, 0.048, 0.06),
        [side, end, side, end, roof, roof],
        tram @ Matrix.Translation((0, 0, 0.012)),
        0.006,
    )
    box("roof", (0.118, 0.04, 0.009), [roof], tram @ Matrix.Translation((0, 0, 0.0715)), 0.004)
    wheel = material(surfaces.wood(200, 200, rng, [(150, 104, 60), (196, 150, 96), (220, 180, 126)]), (0.4, 0.6))
    for x in (-0.042, 0.042):
        for y in (-0.026, 0.026):
            lathe(
                "wheel",
                rounded([(0.0, -0.004), (0.014, -0.004), (0.014, 0.004), (0.0, 0.004)], 2),
                wheel,
                tram @ pose((x, y, 0.014), 0, (90, 0)),
                32,
            )
    for x, y, colour in (
        (0.13, -0.03, (40, 110, 120)),
        (0.165, -0.055, (190, 90, 40)),
        (-0.20, 0.255, (120, 40, 90)),
    ):
        ball = [
            (0.0095 * math.cos(a), 0.0095 + 0.0095 * math.sin(a)) for a in np.linspace(-math.pi / 2, math.pi / 2, 17)
        ]
        lathe(
            "marble",
            ball,
            material(picture(200, 100, rng, 0, 6) if colour[0] < 100 else colour, (0.05, 0.1), 0, coat=0.6),
            at(x, y, 0.004),
            32,
        )


def build_small_things(rng: Rng) -> None:
    """Coins, a roll of tape, an eraser, a stapled tag: what collects on a desk."""
    copper, silver = ((176, 106, 64), (176, 174, 168))
    for x, y, z, colour in (
        (0.07, 0.16, 0, copper),
        (0.092, 0.178, 0, silver),
        (0.083, 0.166, 0.002, copper),
        (0.40, -0.05, 0.006, silver),
        (-0.11, 0.35, 0, copper),
        (-0.30, -0.245, 0.007, silver),
    ):
        face = rounded([(0.0, 0.0), (0.0105, 0.0), (0.0105, 0.0018), (0.009, 0.0015), (0.0, 0.0015)], 1)
        lathe(
            "coin",
            face,
            material(colour, (0.2, 0.5), 0.6, metallic=1.0, uneven=300),
            at(x, y, z + 0.0012),
            40,
        )
    tape = material((196, 152, 82), (0.15, 0.3), 0.1, coat=0.4)
    lathe(
        "tape",
        [(0.018, 0.0), (0.033, 0.0), (0.033, 0.018), (0.018, 0.018), (0.018, 0.0)],
        tape,
        at(0.03, 0.27, 0.001),
    )
    box(
        "eraser",
        (0.05, 0.021, 0.012),
        [material(picture(300, 120, rng, 0, 5), (0.7, 0.9))],
        at(-0.23, -0.05, 0.005, 34),
        0.003,
    )
    box(
        "matches",
        (0.056, 0.038, 0.016),
        [material(picture(400, 280, rng, 7, 1), (0.5, 0.7))],
        at(0.40, 0.19, 0.001, 28),
        0.001,
    )
    glasses = material((70, 36, 26), (0.12, 0.25), 0, coat=0.4)
    frame = at(0.02, 0.115, 0.004, -22)
    for x in (-0.032, 0.032):
        rim = [(x + 0.024 * math.cos(a), 0.0, 0.021 + 0.019 * math.sin(a)) for a in np.linspace(0, math.tau, 40)]
        tube("rim", rim, 0.002, glasses, frame)
        side = math.copysign(1, x)
        tube(
            "temple",
            [
                (side * 0.056, 0, 0.028),
                (side * 0.06, 0.03, 0.027),
                (side * 0.058, 0.1, 0.02),
                (side * 0.054, 0.125, 0.001),
            ],
            0.0017,
            glasses,
            frame,
        )
    tube("bridge", [(-0.009, 0, 0.026), (0, 0, 0.03), (0.009, 0, 0.026)], 0.0019, glasses, frame)
