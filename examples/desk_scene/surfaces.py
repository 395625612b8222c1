"""Woven, painted, glazed and wooden surfaces, each as an image."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
from PIL import Image, ImageDraw

from .paint import CREAM, Colour, Rng, noise, pick, picture, ramp, sprig, to_image, vary, worn


def wood(width: int, height: int, rng: Rng, colours: list[Colour], planks: int = 1) -> Image.Image:
    """Wood grain along x, in planks of slightly different boards."""
    canvas = np.zeros((height, width, 3), np.float32)
    edges = np.linspace(0, height, planks + 1).astype(int)
    for top, bottom in pairwise(edges):
        shape = (bottom - top, width)
        rows = np.linspace(0, 1, shape[0], dtype=np.float32)[:, None]
        warp = noise(shape, rng, 9, 4, stretch=4.0)
        center = rng.uniform(-0.4, 1.4)
        arcs = np.abs(rows - center) * rng.uniform(7, 12) + warp * 4.5
        rings = (arcs % 1.0) ** 1.6
        fibres = noise(shape, rng, width / 6, 3, stretch=26.0)
        pores = (noise(shape, rng, width / 5, 2, stretch=12.0) > 0.86).astype(np.float32)
        tone = 0.42 * rings + 0.38 * fibres + 0.3 * noise(shape, rng, 5, 4, stretch=3.0) + rng.normal(0, 0.06)
        board = ramp(np.clip(tone, 0, 1), colours) * (1 - 0.22 * pores)[..., None]
        if planks > 1:
            board[:2] *= 0.45
        canvas[top:bottom] = board
    return to_image(canvas)


def parquet(size: int, rng: Rng, rows: int = 22) -> Image.Image:
    """Floor boards of random lengths, no two alike."""
    tall = size // rows + 1
    grain = [
        np.asarray(wood(1400, tall, rng, tones))
        for tones in (
            [(92, 60, 36), (150, 104, 64), (186, 138, 90)],
            [(104, 70, 44), (166, 120, 78), (200, 154, 106)],
            [(82, 52, 32), (136, 92, 56), (170, 122, 78)],
        )
        for _ in range(5)
    ]
    canvas = np.zeros((size, size, 3), np.float32)
    for row in range(rows + 1):
        x = -int(rng.integers(0, 400))
        while x < size:
            long = int(rng.integers(350, 900))
            source = grain[int(rng.integers(len(grain)))]
            start = int(rng.integers(0, source.shape[1] - long))
            board = source[:, start : start + long].astype(np.float32) * rng.uniform(0.82, 1.15)
            y0, x0, x1 = row * tall, max(0, x), min(size, x + long)
            y1 = min(size, y0 + tall)
            if y1 > y0 and x1 > x0:
                canvas[y0:y1, x0:x1] = board[: y1 - y0, x0 - x : x1 - x]
                canvas[y0 : y0 + 2, x0:x1] *= 0.4
                canvas[y0:y1, x0 : x0 + 2] *= 0.4
            x += long
    return to_image(canvas)


def wallpaper(width: int, height: int, rng: Rng, ground: Colour, colours: list[Colour]) -> Image.Image:
    """Hand-painted foliage, each sprig different."""
    image = Image.new("RGB", (width, height), ground)
    draw = ImageDraw.Draw(image)
    for x in range(0, width, max(8, width // 90)):
        draw.line([(x, 0), (x, height)], fill=vary(ground, rng, 5), width=max(4, width // 180))
    for _ in range(int(width * height / 3400)):
        root = (rng.random() * width, rng.random() * height)
        sprig(draw, root, width * rng.uniform(0.03, 0.07), rng, colours)
    return worn(image, rng, 0.07)


def bricks(width: int, height: int, rng: Rng, rows: int = 32) -> Image.Image:
    """A brick wall under thin, uneven limewash."""
    mortar = noise((height, width), rng, 200, 3)
    canvas = ramp(mortar, [(150, 142, 130), (196, 188, 176)])
    tall = height / rows
    for row in range(rows):
        x = -tall * (1.4 if row % 2 else 0.2)
        while x < width:
            long = tall * rng.uniform(2.5, 2.9)
            y0, y1 = int(row * tall + rng.uniform(1, 4)), int((row + 1) * tall - rng.uniform(3, 6))
            x0, x1 = max(0, int(x + 3)), min(width, int(x + long - 4))
            if x1 > x0:
                base = np.asarray(
                    vary(pick(rng, [(168, 92, 68), (148, 78, 60), (182, 112, 84), (130, 74, 62)]), rng, 10)
                )
                rough = noise((y1 - y0, x1 - x0), rng, 12, 4)[..., None]
                canvas[y0:y1, x0:x1] = base * (0.72 + 0.5 * rough)
            x += long
    wash = np.clip(noise((height, width), rng, 9, 7) * 2.4 - 1.15, 0, 0.72)[..., None]
    return to_image(canvas * (1 - wash) + np.asarray((222, 216, 204)) * wash)


def plaster(width: int, height: int, rng: Rng, colour: Colour) -> Image.Image:
    """Brushed wall paint with strokes and scuffs."""
    strokes = noise((height, width), rng, 40, 5, stretch=0.4) - 0.5
    clouds = noise((height, width), rng, 7, 7) - 0.5
    specks = (noise((height, width), rng, width / 5, 2) > 0.95).astype(np.float32)
    shade = 1 + 0.16 * strokes + 0.24 * clouds - 0.07 * specks
    return to_image(np.asarray(colour, np.float32) * shade[..., None])


def rug(width: int, height: int, rng: Rng) -> Image.Image:
    """A woven rug: bands and medallions, each drawn differently."""
    colours = [(122, 42, 40), (32, 52, 78), (210, 178, 124), (178, 96, 54), (70, 92, 84)]
    image = picture(width, height, rng, 3, 5)
    draw = ImageDraw.Draw(image)
    draw.rectangle([60, 60, width - 60, height - 60], fill=colours[0])
    for _ in range(90):
        x, y, r = rng.uniform(60, width - 60), rng.uniform(60, height - 60), rng.uniform(20, 90)
        corners = int(rng.integers(3, 9))
        for k in range(4):
            q, turn = r * (1 - k * 0.24), rng.random() * 0.6
            draw.polygon(
                [
                    (
                        x + q * math.cos(turn + a * math.tau / corners),
                        y + q * math.sin(turn + a * math.tau / corners),
                    )
                    for a in range(corners)
                ],
                fill=vary(pick(rng, colours), rng),
            )
    return weave(image, rng, 4, 0.22)


def weave(image: Image.Image, rng: Rng, pitch: int, depth: float) -> Image.Image:
    """Put over-and-under threads and uneven dye on a pattern."""
    pixels = np.asarray(image, np.float32)
    height, width = pixels.shape[:2]
    rows, columns = np.arange(height)[:, None] // pitch, np.arange(width)[None, :] // pitch
    over = ((rows + columns) % 2).astype(np.float32)
    dye = rng.normal(0, 0.5, (height // pitch + 1, width // pitch + 1)).astype(np.float32)
    shade = 1 - depth * (over * 0.5 + 0.5 * np.abs(dye[rows, columns]))
    return worn(to_image(pixels * shade[..., None] * 1.08), rng, 0.06)


def patchwork(width: int, height: int, rng: Rng) -> Image.Image:
    """A cloth sewn from different printed patches."""
    canvas = Image.new("RGB", (width, height))
    y = 0
    patch = 0
    while y < height:
        tall = int(rng.integers(height // 6, height // 4))
        x = 0
        while x < width:
            wide = int(rng.integers(width // 7, width // 4))
            kind = (0, 1, 2, 3, 5)[patch % 5] if rng.random() < 0.8 else 5
            canvas.paste(picture(wide, tall, rng, int(rng.integers(8)), kind), (x, y))
            ImageDraw.Draw(canvas).rectangle([x, y, x + wide, y + tall], outline=vary(CREAM, rng), width=3)
            x += wide
            patch += 1
        y += tall
    return weave(canvas, rng, 2, 0.18)


def page_edges(rng: Rng) -> Image.Image:
    """The cut edges of a book's pages."""
    lines = rng.normal(0, 1, (128, 1)) * 9 + rng.normal(0, 1, (128, 512)) * 3
    return to_image(np.asarray((226, 214, 188)) + lines[..., None] * np.ones(3))


def mug_glaze(rng: Rng) -> Image.Image:
    """Glaze around a mug: u runs around it; the lower 47 % is the outside, the rest the inside."""
    width, height = 1600, 1100
    speckle = noise((height, width), rng, 320, 2)
    canvas = ramp(noise((height, width), rng, 6, 6), [(206, 196, 172), (232, 224, 204)])
    canvas[speckle > 0.9] = (96, 70, 50)
    image = to_image(canvas)
    draw = ImageDraw.Draw(image)
    outside = height * 0.47
    base = height - outside
    blues = [(36, 66, 110), (60, 110, 140), (176, 84, 52)]
    for _ in range(26):
        sprig(
            draw,
            (rng.random() * width, base + outside * rng.uniform(0.2, 0.72)),
            rng.uniform(90, 170),
            rng,
            blues,
        )
    ys = noise((2, width), rng, 9, 4)[0] * 30
    draw.polygon([(0, height), *((x, height - 120 - ys[x]) for x in range(width)), (width, height)], fill=(52, 84, 112))
    draw.polygon(
        [(0, base - 20), *((x, base + 26 + ys[-x - 1]) for x in range(width)), (width, base - 20)],
        fill=(52, 84, 112),
    )
    return worn(image, rng, 0.05)


def leaf(rng: Rng) -> Image.Image:
    """A variegated leaf: stem at the left, tip at the right."""
    width, height = 512, 200
    field = noise((height, width), rng, 24, 5)
    canvas = ramp(field, [(34, 74, 38), (62, 116, 54), (98, 146, 70)])
    pale = noise((height, width), rng, 14, 4, stretch=2.0)
    canvas[pale > 0.74] = (176, 190, 120)
    image = to_image(canvas)
    draw = ImageDraw.Draw(image)
    for x in range(0, width, 34):
        for side in (0, height):
            draw.line([(x, height / 2), (x + 70, side)], fill=(136, 172, 104), width=3)
    draw.line([(0, height / 2), (width, height / 2)], fill=(170, 196, 130), width=7)
    return worn(image, rng, 0.12)
