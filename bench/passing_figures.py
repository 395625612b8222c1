"""Photos with somebody in them who was not there: figures and balls painted into a share of the photos of a scene.

Used by bench/passers_by.py. Everything comes from a seed; where a figure stands, how large and of which colours it is
differs from photo to photo, as of people who pass.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFilter

Dice = np.random.Generator

SMALL, LARGE = (0.16, 0.28), (0.5, 0.9)
"""How tall figures are, least and most, of a photo's height."""

OVERSAMPLED = 2
"""Figures are drawn so many times as large, so that their outlines are smooth."""

SKIN = (196, 150, 122)

Drawing = tuple[Image.Image, Image.Image]
"""A picture and where of it anything is."""


def colour(dice: Dice, least: int = 20, most: int = 220) -> tuple[int, int, int]:
    red, green, blue = dice.integers(least, most, 3).tolist()
    return red, green, blue


def figure(height: int, dice: Dice) -> Drawing:
    """Somebody who walks: head, a patterned jacket, trousers, in light from one side."""
    width = round(0.5 * height)
    picture, mask = Image.new("RGB", (width, height)), Image.new("L", (width, height))
    jacket, stripes, trousers, hair = (colour(dice) for _ in range(4))
    stride, middle = dice.uniform(-0.12, 0.12) * width, width / 2
    parts: list[tuple[str, tuple[float, ...], tuple[int, int, int]]] = [
        ("line", (middle, 0.55 * height, middle - 0.5 * stride - 0.1 * width, 0.99 * height), trousers),
        ("line", (middle, 0.55 * height, middle + stride + 0.1 * width, 0.99 * height), trousers),
        ("round", (0.2 * width, 0.19 * height, 0.8 * width, 0.6 * height), jacket),
        ("oval", (0.34 * width, 0.01 * height, 0.66 * width, 0.2 * height), SKIN),
        ("oval", (0.34 * width, 0.0, 0.66 * width, 0.09 * height), hair),
    ]
    for canvas, of_mask in ((picture, False), (mask, True)):
        draw = ImageDraw.Draw(canvas)
        for kind, box, fill in parts:
            ink: Any = 255 if of_mask else fill
            if kind == "line":
                draw.line(box, fill=ink, width=max(1, round(0.2 * width)))
            elif kind == "round":
                draw.rounded_rectangle(box, radius=0.12 * width, fill=ink)
            else:
                draw.ellipse(box, fill=ink)
    draw = ImageDraw.Draw(picture)
    step = max(4, round(0.05 * height))
    for y in range(round(0.24 * height), round(0.56 * height), step):
        draw.rectangle((0.21 * width, y, 0.79 * width, y + step // 3), fill=stripes)
    return lit(picture, dice), mask


def ball(height: int, dice: Dice) -> Drawing:
    """A ball of one colour, lit from above."""
    y, x = np.mgrid[0:height, 0:height] / height * 2 - 1
    z = np.sqrt(np.maximum(0, 1 - x**2 - y**2))
    light = 0.35 + 0.65 * np.clip(0.4 * x - 0.6 * y + 0.7 * z, 0, 1)
    pixels = (light[..., None] * np.array(colour(dice))).astype(np.uint8)
    return Image.fromarray(pixels), Image.fromarray((255 * (z > 0)).astype(np.uint8))


def lit(picture: Image.Image, dice: Dice) -> Image.Image:
    """The same, brighter to one side."""
    pixels = np.asarray(picture).astype(np.float64)
    shade = 1 + 0.35 * dice.choice([-1, 1]) * np.linspace(-1, 1, picture.width)[None, :, None]
    return Image.fromarray((pixels * shade).clip(0, 255).astype(np.uint8))


def passed(photo: Image.Image, sizes: tuple[float, float], count: int, dice: Dice) -> Drawing:
    """A photo with so many figures and balls in it, and where they are, white."""
    changed, where = photo.convert("RGB"), Image.new("L", photo.size)
    for _ in range(count):
        kind: Callable[[int, Dice], Drawing] = figure if dice.random() < 0.7 else ball
        height = max(8, round(dice.uniform(*sizes) * photo.height * (1.0 if kind is figure else 0.5)))
        drawn, mask = kind(OVERSAMPLED * height, dice)
        size = (drawn.width // OVERSAMPLED, height)
        drawn, mask = (part.resize(size, Image.Resampling.BOX) for part in (drawn, mask))
        left = round(dice.uniform(-0.2 * size[0], photo.width - 0.8 * size[0]))
        top = round(dice.uniform(0.1, 1.0) * (photo.height - 0.9 * height))
        changed.paste(drawn, (left, top), mask)
        where.paste(255, (left, top), mask)
    return changed, where


def with_thumb(photo: Image.Image, dice: Dice) -> Drawing:
    """A photo with the photographer's thumb in its corner, out of focus, at nearly the same place every time."""
    width, height = photo.size
    mask = Image.new("L", photo.size)
    reach = dice.uniform(0.97, 1.03)
    box = (width * (1 - 0.22 * reach), height * (1 - 0.3 * reach), width * 1.3, height * 1.25)
    ImageDraw.Draw(mask).ellipse(box, fill=255)
    mask = mask.filter(ImageFilter.GaussianBlur(0.012 * width))
    changed = photo.convert("RGB")
    changed.paste(SKIN, (0, 0), mask)
    return changed, mask.point(lambda value: 255 * (value > 100))


LIGHTS = np.array([[0.3, 0.2, 0.93], [-0.7, 0.1, 0.7], [0.1, -0.8, 0.6]])
"""Towards the lamps that a mirror ball shows."""


def with_mirror_balls(
    photo: Image.Image, camera: Any, places: npt.NDArray[np.float64], radius: float, up: npt.NDArray[np.float64]
) -> Image.Image:
    """A photo with glossy balls in the scene: true shapes, whose sharp highlights walk over them with the camera."""
    pixels = np.asarray(photo.convert("RGB")).astype(np.float64) / 255
    rotation, shift = camera.camera_from_world[:, :3], camera.camera_from_world[:, 3]
    y, x = np.mgrid[0 : photo.height, 0 : photo.width] + 0.5
    rays = np.stack([(x - camera.cx) / camera.fx, (y - camera.cy) / camera.fy, np.ones_like(x)], axis=-1)
    rays /= np.linalg.norm(rays, axis=-1, keepdims=True)
    axis = up / np.linalg.norm(up)
    side = np.cross(axis, [0.31, 0.95, 0.02])
    side /= np.linalg.norm(side)
    frame = np.stack([side, np.cross(axis, side), axis])
    for number in np.argsort(-np.linalg.norm(places @ rotation.T + shift, axis=1)):
        center = rotation @ places[number] + shift
        along = rays @ center
        half = along**2 - center @ center + radius**2
        hit = (half > 0) & (along > 0)
        if center[2] <= radius or not hit.any():
            continue
        at = rays[hit] * (along[hit] - np.sqrt(half[hit]))[:, None]
        normal = (at - center) / radius
        mirrored = rays[hit] - 2 * (rays[hit] * normal).sum(axis=1, keepdims=True) * normal
        towards = LIGHTS @ frame @ rotation.T
        gloss = (np.clip(mirrored @ towards.T, 0, 1) ** 14).sum(axis=1)
        upness = normal @ rotation @ axis
        body = np.array([[0.35, 0.06, 0.08], [0.06, 0.12, 0.32], [0.07, 0.25, 0.1]])[number % 3]
        pixels[hit] = (body * (0.6 + 0.4 * upness[:, None]) + 1.2 * gloss[:, None]).clip(0, 1)
    return Image.fromarray((255 * pixels).round().astype(np.uint8))


def chosen(count: int, share: float, dice: Dice) -> list[int]:
    """So large a share of so many photos, at random, one at least."""
    return sorted(dice.permutation(count)[: max(1, math.ceil(share * count))].tolist())


def save(picture: Image.Image, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    picture.save(path, quality=95)
