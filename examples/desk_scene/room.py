"""The room around the desk: floor, walls, furniture, and the light. The desk stands at the origin."""

from __future__ import annotations

import math

import bpy
from mathutils import Matrix, Vector

from . import labels, prints, surfaces
from .meshes import aim, box, grid, lathe, material, pose, rounded, tube
from .paint import PALETTES, PICTURE_KINDS, Rng, picture
from .things import plant

WEST, EAST, SOUTH, NORTH = -1.95, 1.95, -2.05, 1.50
WALL_HEIGHT = 2.4
SPINE_COLUMNS = 56
_FRAME_TONES = [
    [(60, 36, 24), (96, 60, 38), (124, 82, 54)],
    [(166, 130, 84), (204, 168, 118), (222, 190, 142)],
    [(40, 38, 38), (58, 56, 56), (78, 74, 72)],
]


def build_shell(rng: Rng) -> None:
    """Floor, rug, four walls and skirting boards."""
    wide, deep = EAST - WEST, NORTH - SOUTH
    middle = ((WEST + EAST) / 2, (SOUTH + NORTH) / 2)
    floor = material(surfaces.parquet(3400, rng), (0.35, 0.55), 0.25)
    box("floor", (wide, deep, 0.1), [floor], pose((*middle, -0.1)), 0.0)
    weave = material(surfaces.rug(2000, 1400, rng), (0.85, 1.0), 0.6, sheen=0.2, depth=0.003)
    box("rug", (2.3, 1.6, 0.008), [weave], pose((0.08, -0.22, 0.0), 5), 0.003)

    papered = surfaces.wallpaper(
        2600, 1600, rng, (190, 200, 184), [(74, 108, 86), (160, 112, 76), (96, 130, 136), (196, 160, 110)]
    )
    walls = [
        ((middle[0], NORTH + 0.05), 0, wide, papered),
        ((EAST + 0.05, middle[1]), -90, deep, surfaces.plaster(2200, 1500, rng, (206, 176, 142))),
        ((middle[0], SOUTH - 0.05), 180, wide, surfaces.bricks(2600, 1600, rng)),
        ((WEST - 0.05, middle[1]), 90, deep, surfaces.plaster(2200, 1500, rng, (132, 154, 156))),
    ]
    skirting = material(surfaces.wood(1600, 80, rng, [(176, 166, 150), (206, 198, 182), (220, 212, 198)]), (0.3, 0.5))
    for (x, y), turn, long, image in walls:
        where = pose((x, y, 0), turn)
        box("wall", (long, 0.1, WALL_HEIGHT), [material(image, (0.6, 0.9), 0.35, depth=0.002)], where, 0.0)
        box("skirting", (long, 0.02, 0.09), [skirting], where @ Matrix.Translation((0, -0.06, 0)), 0.004)


def framed(rng: Rng, where: Matrix, wide: float, tall: float, palette: int, kind: int) -> None:
    """A print in a wooden frame; the wall is at +y, the origin in the middle of the picture."""
    tones = _FRAME_TONES[int(rng.integers(3))]
    pixels = 900 / max(wide, tall)
    image = prints.poster(int(wide * pixels), int(tall * pixels), rng, palette, kind)
    wood = material(surfaces.wood(600, 60, rng, tones), (0.3, 0.5), 0.2)
    sheet = material(image, (0.25, 0.4), 0.02)
    box(
        "print",
        (wide, 0.006, tall),
        [sheet, wood, wood, wood, wood, wood],
        where @ Matrix.Translation((0, -0.012, -tall / 2)),
        0.0,
    )
    bar = 0.022
    for side in (-1, 1):
        box(
            "frame",
            (bar, 0.026, tall + 2 * bar),
            [wood],
            where @ Matrix.Translation((side * (wide + bar) / 2, -0.014, -tall / 2 - bar)),
            0.003,
        )
        box(
            "frame",
            (wide, 0.026, bar),
            [wood],
            where @ Matrix.Translation((0, -0.014, side * (tall + bar) / 2 - bar / 2)),
            0.003,
        )


def build_pictures(rng: Rng) -> None:
    """Prints on the four walls, hung a little askew."""
    hung = [  # wall's turn, place along the wall, height of the center, width, height
        (0, -1.35, 1.30, 0.40, 0.56),
        (0, -0.80, 1.18, 0.46, 0.34),
        (0, -0.82, 1.56, 0.34, 0.30),
        (0, 0.86, 1.24, 0.38, 0.52),
        (0, 1.40, 1.16, 0.42, 0.30),
        (0, 1.38, 1.56, 0.36, 0.36),
        (0, -1.1, 0.70, 0.50, 0.36),
        (0, 1.15, 0.66, 0.46, 0.36),
        (0, 0.1, 0.72, 0.62, 0.44),
        (-90, -1.2, 1.22, 0.44, 0.60),
        (-90, -0.62, 1.12, 0.40, 0.30),
        (-90, -0.60, 1.52, 0.44, 0.34),
        (-90, -0.04, 1.28, 0.46, 0.62),
        (-90, 0.58, 1.16, 0.44, 0.34),
        (-90, 0.56, 1.56, 0.32, 0.32),
        (-90, 1.22, 1.24, 0.50, 0.66),
        (180, -1.3, 1.2, 0.48, 0.66),
        (180, -0.68, 1.32, 0.44, 0.32),
        (180, -0.66, 0.92, 0.40, 0.30),
        (180, 0.72, 1.22, 0.56, 0.42),
        (180, 1.36, 1.14, 0.44, 0.60),
        (90, 1.34, 1.16, 0.42, 0.58),
        (90, -1.36, 1.2, 0.44, 0.60),
    ]
    center = ((WEST + EAST) / 2, (SOUTH + NORTH) / 2)
    walls = {0: (center[0], NORTH), -90: (EAST, center[1]), 180: (center[0], SOUTH), 90: (WEST, center[1])}
    for k, (turn, along, z, wide, tall) in enumerate(hung):
        where = pose((*walls[turn], 0), turn) @ pose((along, 0, z), 0, (0, rng.normal(0, 0.7)))
        framed(rng, where, wide, tall, int(rng.integers(len(PALETTES))), k % PICTURE_KINDS)


def shelf_row(rng: Rng, where: Matrix, length: float, room: float, depth: float, spines: bpy.types.Material) -> None:
    """Books along a shelf board, spines to -y, with gaps and leaning ones."""
    x = -length / 2 + 0.01
    while x < length / 2 - 0.07:
        thick, tall = rng.uniform(0.018, 0.052), min(room - 0.02, rng.uniform(0.17, 0.29))
        if rng.random() < 0.07:
            x += rng.uniform(0.04, 0.1)
            continue
        column = int(rng.integers(SPINE_COLUMNS))
        u0, u1 = column / SPINE_COLUMNS, (column + 1) / SPINE_COLUMNS
        plain = (u0 + 0.002, 0.3, u0 + 0.004, 0.32)
        tilt = rng.uniform(3, 9) if rng.random() < 0.1 else 0.0
        shift = depth / 2 - 0.075 - rng.uniform(0.0, 0.02)
        box(
            "shelf book",
            (thick, 0.14, tall),
            [spines],
            where @ pose((x + thick / 2 + tall * math.sin(math.radians(tilt)) / 2, -shift, 0), 0, (0, -tilt)),
            0.003,
            [(u0, 0.0, u1, 1.0), *[plain] * 5],
        )
        x += thick + 0.0015 + tall * math.sin(math.radians(tilt))


def build_bookcase(rng: Rng, spines: bpy.types.Material) -> None:
    """A tall bookcase against the west wall."""
    wide, deep, tall = 1.9, 0.27, 1.95
    tones = [(126, 84, 50), (170, 122, 78), (198, 152, 104)]
    wood = material(surfaces.wood(1600, 240, rng, tones), (0.4, 0.6), 0.25)
    upright = material(surfaces.wood(1600, 240, rng, tones).rotate(90, expand=True), (0.4, 0.6), 0.25)
    where = pose((WEST + deep / 2 + 0.01, -0.28, 0), 90)
    for x in (-wide / 2, 0.0, wide / 2):
        box("upright", (0.024, deep, tall), [upright], where @ Matrix.Translation((x, 0, 0)), 0.002)
    box("back", (wide, 0.01, tall), [wood], where @ Matrix.Translation((0, deep / 2 - 0.006, 0)), 0.0)
    for k in range(6):
        z = 0.06 + k * 0.36
        box("board", (wide, deep, 0.022), [wood], where @ Matrix.Translation((0, 0, z)), 0.002)
        for x in (-wide / 4, wide / 4):
            if k < 5:
                shelf_row(rng, where @ Matrix.Translation((x, 0, z + 0.022)), wide / 2 - 0.03, 0.33, deep, spines)


def build_wall_shelf(rng: Rng, spines: bpy.types.Material) -> None:
    """A board behind the desk with books and jars."""
    where = pose((0.03, NORTH - 0.11, 1.12))
    board = material(surfaces.wood(1200, 160, rng, _FRAME_TONES[0]), (0.4, 0.6), 0.25)
    box("wall shelf", (1.06, 0.2, 0.024), [board], where, 0.003)
    top = where @ Matrix.Translation((0, 0, 0.024))
    shelf_row(rng, top @ Matrix.Translation((-0.26, 0, 0)), 0.5, 0.3, 0.2, spines)
    for k, x in enumerate((0.06, 0.17, 0.27, 0.37, 0.47)):
        r, tall = rng.uniform(0.036, 0.048), rng.uniform(0.09, 0.17)
        label = material(
            labels.tin_label(rng, 900, 420, k + 1, k, ("Figs", "Rye", "Salt", "Beans", "Cloves")[k]),
            (0.2, 0.4),
            coat=0.2,
        )
        jar = rounded([(0.0, 0.0), (r, 0.0), (r, tall * 0.85), (r * 0.8, tall), (0.0, tall)], 2)
        lathe("jar", jar, label, top @ pose((x, rng.uniform(-0.02, 0.02), 0), rng.uniform(0, 360)), 48)
    for x in (-0.4, 0.4):
        box("bracket", (0.02, 0.16, 0.1), [board], where @ Matrix.Translation((x, 0.02, -0.1)), 0.003)


def build_sideboard(rng: Rng) -> None:
    """A low cupboard at the east wall with things on it."""
    wide, deep, tall = 1.5, 0.36, 0.62
    tones = [(82, 50, 32), (126, 82, 52), (160, 112, 74)]
    where = pose((EAST - deep / 2 - 0.02, -0.2, 0), -90)
    face = material(surfaces.wood(1500, 600, rng, tones, 4), (0.35, 0.55), 0.25)
    box("sideboard", (wide, deep, tall - 0.08), [face], where @ Matrix.Translation((0, 0, 0.08)), 0.006)
    for x in (-0.5, 0.0, 0.5):
        for z in (0.13, 0.38):
            drawer = material(surfaces.wood(500, 200, rng, tones), (0.35, 0.55), 0.25)
            box(
                "drawer",
                (0.47, 0.02, 0.22),
                [drawer],
                where @ Matrix.Translation((x, -deep / 2 - 0.008, z)),
                0.004,
            )
            tube(
                "pull",
                [(x - 0.05, -deep / 2 - 0.035, z + 0.11), (x + 0.05, -deep / 2 - 0.035, z + 0.11)],
                0.006,
                material((180, 140, 70), (0.2, 0.4), 0, metallic=1.0),
                where,
            )
    plant(rng, where @ Matrix.Translation((-0.55, 0, tall)), 1.25, 30)
    for k, (x, size) in enumerate(((-0.22, (0.24, 0.18, 0.14)), (0.1, (0.2, 0.16, 0.2)), (0.42, (0.3, 0.2, 0.12)))):
        sides = [material(picture(500, 400, rng, k * 2 + s, s + k), (0.4, 0.6), 0.1) for s in range(6)]
        box("gift box", size, sides, where @ pose((x, 0.02, tall), rng.normal(0, 8)), 0.004)


def build_floor_things(rng: Rng) -> None:
    """Boxes, a basket, a big plant and cushions that fill the corners and the space under the desk."""
    for x, y, turn, size in (
        (0.3, 0.18, 12, (0.42, 0.32, 0.28)),
        (-1.45, 1.2, -20, (0.4, 0.36, 0.34)),
        (-0.35, 0.2, -8, (0.34, 0.26, 0.22)),
        (1.55, -1.6, 30, (0.44, 0.4, 0.36)),
    ):
        sides = [material(labels.cardboard(rng, label=k % 2 == 0), (0.7, 0.9), 0.2) for k in range(6)]
        box("carton", size, sides, pose((x, y, 0.008), turn), 0.005)
    basket = material(surfaces.weave(picture(1200, 500, rng, 1, 5), rng, 12, 0.35), (0.7, 0.9), 0.8, depth=0.005)
    lathe(
        "basket",
        rounded([(0.0, 0.01), (0.14, 0.01), (0.18, 0.3), (0.17, 0.3), (0.13, 0.03), (0.0, 0.03)], 2),
        basket,
        pose((1.5, 1.0, 0)),
    )
    plant(rng, pose((1.5, 1.0, 0.03)), 2.5, 40)
    for k, (x, y, turn) in enumerate(((-1.0, -1.6, 20), (0.55, -1.75, -15), (-0.2, -1.72, 5))):
        print_ = material(
            surfaces.weave(picture(700, 700, rng, k + 2, (2, 5, 1)[k]), rng, 4, 0.2),
            (0.8, 0.95),
            0.5,
            sheen=0.3,
            depth=0.002,
        )

        def puff(s: float, t: float, side: int) -> tuple[float, float, float]:
            swell = max(0.0, (1 - (2 * s - 1) ** 4) * (1 - (2 * t - 1) ** 4))
            return (s - 0.5) * 0.46, side * 0.085 * swell**0.5, (t - 0.5) * 0.46

        where = pose((x, y, 0.215), turn, (-24, 0))
        grid("cushion", 24, 24, lambda s, t, puff=puff: puff(s, t, -1), print_, where)
        grid("cushion", 24, 24, lambda s, t, puff=puff: puff(s, t, 1), print_, where)


def build_light() -> None:
    """Daylight: a large soft window light from the upper left front and an even sky."""
    scene = bpy.context.scene
    world = bpy.data.worlds.new("sky")
    scene.world = world
    world.use_nodes = True
    nodes, links = world.node_tree.nodes, world.node_tree.links
    place, split, fade = (
        nodes.new("ShaderNodeTexCoord"),
        nodes.new("ShaderNodeSeparateXYZ"),
        nodes.new("ShaderNodeValToRGB"),
    )
    links.new(place.outputs["Generated"], split.inputs[0])
    links.new(split.outputs["Z"], fade.inputs["Fac"])
    fade.color_ramp.elements[0].color = (0.75, 0.68, 0.6, 1)
    fade.color_ramp.elements[1].color = (0.72, 0.84, 1.0, 1)
    links.new(fade.outputs["Color"], nodes["Background"].inputs["Color"])
    nodes["Background"].inputs["Strength"].default_value = 0.75
    for label, eye, target, size, power, colour in (
        ("window", (-2.4, -2.0, 3.3), (0.1, 0.0, 0.7), (1.5, 1.2), 150.0, (1.0, 0.93, 0.82)),
        ("far window", (2.2, 1.6, 3.4), (0.0, 0.0, 0.6), (2.0, 1.4), 36.0, (0.82, 0.9, 1.0)),
    ):
        lamp = bpy.data.lights.new(label, "AREA")
        lamp.shape, lamp.size, lamp.size_y, lamp.energy, lamp.color = "RECTANGLE", *size, power, colour
        made = bpy.data.objects.new(label, lamp)
        made.matrix_world = aim(Vector(eye), Vector(target))
        scene.collection.objects.link(made)


def build(rng: Rng) -> None:
    """The whole room."""
    build_shell(rng)
    build_pictures(rng)
    spines = material(prints.spine_atlas(rng, SPINE_COLUMNS, (3000, 620)), (0.35, 0.6), 0.1)
    build_bookcase(rng, spines)
    build_wall_shelf(rng, spines)
    build_sideboard(rng)
    build_floor_things(rng)
    build_light()
