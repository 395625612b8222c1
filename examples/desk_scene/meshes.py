"""Mesh and material helpers on top of Blender's data interface. Units are metres."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path

import bpy
import numpy as np
from mathutils import Euler, Matrix, Vector
from PIL import Image

Point = tuple[float, float, float]
UvRect = tuple[float, float, float, float]

WHOLE: UvRect = (0.0, 0.0, 1.0, 1.0)
SMOOTH_BELOW = math.radians(38)
_texture_folder = tempfile.TemporaryDirectory(prefix="desk_textures_")
_counter = iter(range(1_000_000))


def load(image: Image.Image) -> bpy.types.Image:
    """Hand a Pillow image to Blender."""
    path = Path(_texture_folder.name) / f"{next(_counter):04d}.png"
    image.convert("RGB").save(path, compress_level=1)
    return bpy.data.images.load(str(path))


def material(
    source: Image.Image | tuple[int, int, int],
    roughness: tuple[float, float] = (0.45, 0.65),
    bump: float = 0.15,
    coat: float = 0.0,
    metallic: float = 0.0,
    uneven: float = 40.0,
    sheen: float = 0.0,
    depth: float = 0.0006,
) -> bpy.types.Material:
    """A surface from an image or a plain colour; its roughness and relief vary by noise."""
    made = bpy.data.materials.new("surface")
    made.use_nodes = True
    nodes, links = made.node_tree.nodes, made.node_tree.links
    shader = nodes["Principled BSDF"]
    shader.inputs["Metallic"].default_value = metallic
    shader.inputs["Coat Weight"].default_value = coat
    shader.inputs["Coat Roughness"].default_value = 0.12
    shader.inputs["Sheen Weight"].default_value = sheen
    place = nodes.new("ShaderNodeTexCoord")
    speckle = nodes.new("ShaderNodeTexNoise")
    speckle.inputs["Scale"].default_value = uneven
    speckle.inputs["Detail"].default_value = 2.0
    links.new(place.outputs["Object"], speckle.inputs["Vector"])
    span = nodes.new("ShaderNodeMapRange")
    span.inputs["From Min"].default_value, span.inputs["From Max"].default_value = 0.3, 0.7
    span.inputs["To Min"].default_value, span.inputs["To Max"].default_value = roughness
    links.new(speckle.outputs["Fac"], span.inputs["Value"])
    links.new(span.outputs["Result"], shader.inputs["Roughness"])
    height = speckle.outputs["Fac"]
    if isinstance(source, Image.Image):
        texture = nodes.new("ShaderNodeTexImage")
        texture.image = load(source)
        texture.extension = "EXTEND"
        links.new(texture.outputs["Color"], shader.inputs["Base Color"])
        height = texture.outputs["Color"]
    else:
        shade = nodes.new("ShaderNodeMixRGB")
        linear = [(c / 255) ** 2.2 for c in source]
        shade.inputs["Color1"].default_value = (*[c * 0.72 for c in linear], 1)
        shade.inputs["Color2"].default_value = (*[min(1.0, c * 1.25) for c in linear], 1)
        links.new(speckle.outputs["Fac"], shade.inputs["Fac"])
        links.new(shade.outputs["Color"], shader.inputs["Base Color"])
    if bump:
        relief = nodes.new("ShaderNodeBump")
        relief.inputs["Strength"].default_value = bump
        relief.inputs["Distance"].default_value = depth
        links.new(height, relief.inputs["Height"])
        links.new(relief.outputs["Normal"], shader.inputs["Normal"])
    return made


def pose(at: Point, turn: float = 0.0, tilt: tuple[float, float] = (0.0, 0.0)) -> Matrix:
    """Place at a point, turned by degrees about z after tilting about x and y."""
    angles = Euler((math.radians(tilt[0]), math.radians(tilt[1]), math.radians(turn)))
    return Matrix.Translation(at) @ angles.to_matrix().to_4x4()


def solid(
    label: str,
    vertices: Sequence[Point],
    faces: Sequence[Sequence[int]],
    uvs: Sequence[tuple[float, float]] | None,
    materials: Sequence[bpy.types.Material],
    where: Matrix,
    slots: Sequence[int] | None = None,
    bevel: float = 0.0,
    thickness: float = 0.0,
) -> bpy.types.Object:
    """An object from vertices, faces and one uv per face corner."""
    mesh = bpy.data.meshes.new(label)
    mesh.from_pydata([tuple(v) for v in vertices], [], [tuple(f) for f in faces])
    if uvs is not None:
        mesh.uv_layers.new(name="uv").data.foreach_set("uv", np.asarray(uvs, np.float32).ravel())
    for entry in materials:
        mesh.materials.append(entry)
    if slots is not None:
        mesh.polygons.foreach_set("material_index", list(slots))
    mesh.polygons.foreach_set("use_smooth", [True] * len(mesh.polygons))
    mesh.set_sharp_from_angle(angle=SMOOTH_BELOW)
    made = bpy.data.objects.new(label, mesh)
    made.matrix_world = where
    bpy.context.scene.collection.objects.link(made)
    if thickness:
        shell = made.modifiers.new("shell", "SOLIDIFY")
        shell.thickness, shell.offset = thickness, -1.0
    if bevel:
        edge = made.modifiers.new("edge", "BEVEL")
        edge.width, edge.segments, edge.limit_method = bevel, 3, "ANGLE"
        edge.harden_normals = True
    return made


# Faces of a box in the order: front -y, right +x, back +y, left -x, top +z, bottom -z.
_BOX_FACES = [(0, 1, 5, 4), (1, 2, 6, 5), (2, 3, 7, 6), (3, 0, 4, 7), (4, 5, 6, 7), (3, 2, 1, 0)]


def box(
    label: str,
    size: Point,
    materials: Sequence[bpy.types.Material],
    where: Matrix,
    bevel: float = 0.002,
    uv: Sequence[UvRect] | UvRect = WHOLE,
) -> bpy.types.Object:
    """A box standing on its origin, centered in x and y; one material for all sides or one for each."""
    x, y, z = size[0] / 2, size[1] / 2, size[2]
    corners = [(-x, -y, 0), (x, -y, 0), (x, y, 0), (-x, y, 0), (-x, -y, z), (x, -y, z), (x, y, z), (-x, y, z)]
    rects = [uv] * 6 if isinstance(uv[0], float) else list(uv)
    uvs = [corner for u0, v0, u1, v1 in rects for corner in ((u0, v0), (u1, v0), (u1, v1), (u0, v1))]
    slots = range(6) if len(materials) == 6 else [0] * 6
    return solid(label, corners, _BOX_FACES, uvs, materials, where, list(slots), bevel)


def lathe(
    label: str,
    profile: Sequence[tuple[float, float]],
    surface: bpy.types.Material,
    where: Matrix,
    segments: int = 64,
) -> bpy.types.Object:
    """Turn a profile of (radius, z) about z; u runs around, v along the profile."""
    lengths = np.concatenate([[0], np.cumsum(np.hypot(*np.diff(np.asarray(profile), axis=0).T))])
    rise = lengths / lengths[-1]
    vertices, faces, uvs = [], [], []
    for r, z in profile:
        vertices += [
            (r * math.cos(math.tau * k / segments), r * math.sin(math.tau * k / segments), z) for k in range(segments)
        ]
    for j in range(len(profile) - 1):
        for k in range(segments):
            nxt = (k + 1) % segments
            faces.append((j * segments + k, j * segments + nxt, (j + 1) * segments + nxt, (j + 1) * segments + k))
            u0, u1 = k / segments, (k + 1) / segments
            uvs += [(u0, rise[j]), (u1, rise[j]), (u1, rise[j + 1]), (u0, rise[j + 1])]
    return solid(label, vertices, faces, uvs, [surface], where)


def rounded(points: Sequence[tuple[float, float]], steps: int = 4) -> list[tuple[float, float]]:
    """Soften the corners of a lathe profile (corner cutting)."""
    for _ in range(steps):
        cut = [points[0]]
        for (ax, az), (bx, bz) in pairwise(points):
            cut += [(0.8 * ax + 0.2 * bx, 0.8 * az + 0.2 * bz), (0.2 * ax + 0.8 * bx, 0.2 * az + 0.8 * bz)]
        points = [*cut, points[-1]]
    return list(points)


def grid(
    label: str,
    columns: int,
    rows: int,
    place: Callable[[float, float], Point],
    surface: bpy.types.Material,
    where: Matrix,
    thickness: float = 0.0,
    uv: UvRect = WHOLE,
) -> bpy.types.Object:
    """A curved sheet: ``place`` maps (s, t) in [0, 1] to a point."""
    vertices = [place(i / columns, j / rows) for j in range(rows + 1) for i in range(columns + 1)]
    faces, uvs = [], []
    for j in range(rows):
        for i in range(columns):
            a = j * (columns + 1) + i
            faces.append((a, a + 1, a + columns + 2, a + columns + 1))
            for s, t in ((i, j), (i + 1, j), (i + 1, j + 1), (i, j + 1)):
                uvs.append((uv[0] + (uv[2] - uv[0]) * s / columns, uv[1] + (uv[3] - uv[1]) * t / rows))
    return solid(label, vertices, faces, uvs, [surface], where, thickness=thickness)


def tube(
    label: str,
    points: Sequence[Point],
    radius: float,
    surface: bpy.types.Material,
    where: Matrix,
) -> bpy.types.Object:
    """A round wire or rod through points."""
    curve = bpy.data.curves.new(label, "CURVE")
    curve.dimensions = "3D"
    curve.bevel_depth, curve.bevel_resolution, curve.use_fill_caps = radius, 5, True
    spline = curve.splines.new("POLY")
    spline.points.add(len(points) - 1)
    for knot, point in zip(spline.points, points, strict=True):
        knot.co = (*point, 1.0)
    spline.use_smooth = True
    curve.materials.append(surface)
    made = bpy.data.objects.new(label, curve)
    made.matrix_world = where
    bpy.context.scene.collection.objects.link(made)
    return made


def aim(eye: Vector, target: Vector, roll: float = 0.0) -> Matrix:
    """A camera or lamp at ``eye`` that looks at ``target`` (along its -z), rolled by degrees."""
    turn = (target - eye).to_track_quat("-Z", "Y").to_matrix().to_4x4()
    return Matrix.Translation(eye) @ turn @ Matrix.Rotation(math.radians(roll), 4, "Z")
