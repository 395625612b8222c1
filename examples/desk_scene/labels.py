"""Printed and painted faces of things: tins, cartons, a globe, toys, a ruler, each as an image."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from .paint import (
    CREAM,
    INK,
    PALETTES,
    Colour,
    Rng,
    font,
    handwriting,
    name,
    noise,
    pick,
    picture,
    ramp,
    text_block,
    to_image,
    vary,
    words,
    worn,
)
from .prints import PAPER, postcard
from .surfaces import wood


def tin_label(rng: Rng, width: int, height: int, palette: int, kind: int, text: str) -> Image.Image:
    """A printed label that goes once around a tin."""
    colours = PALETTES[palette]
    image = picture(width, height, rng, palette, kind)
    draw = ImageDraw.Draw(image)
    for left in (0.06, 0.56):
        x0, x1 = width * left, width * (left + 0.34)
        draw.rounded_rectangle([x0, height * 0.2, x1, height * 0.8], 24, fill=CREAM, outline=colours[0], width=8)
        y = text_block(
            draw,
            (x0 + 20, height * 0.24, x1 - 20, height * 0.6),
            text,
            font(int(height * 0.15), 800),
            INK,
            1.05,
            True,
        )
        text_block(
            draw,
            (x0 + 30, y + 6, x1 - 30, height * 0.78),
            words(rng, 16),
            font(int(height * 0.05), 500),
            INK,
            1.25,
            True,
        )
    draw.rectangle([0, 0, width, height * 0.05], fill=colours[1])
    draw.rectangle([0, height * 0.95, width, height], fill=colours[1])
    return worn(image, rng, 0.06)


def carton_faces(rng: Rng, palette: int) -> list[Image.Image]:
    """Six printed sides of a food carton."""
    colours = PALETTES[palette]
    faces = []
    for k in range(6):
        image = picture(600, 840, rng, palette, (3, 1, 0, 5, 2, 4)[k])
        draw = ImageDraw.Draw(image)
        draw.rectangle([40, 60, 560, 330], fill=colours[0], outline=CREAM, width=8)
        text_block(
            draw,
            (60, 80, 540, 320),
            "Oat Pebbles",
            font(96, 900),
            CREAM if sum(colours[0]) < 400 else INK,
            1.05,
            True,
        )
        draw.rectangle([60, 560, 540, 790], fill=CREAM)
        text_block(draw, (80, 575, 520, 780), words(rng, 60), font(22, 500), INK)
        faces.append(worn(image, rng, 0.06))
    return faces


def cardboard(rng: Rng, label: bool) -> Image.Image:
    """Parcel cardboard with tape, stamps and an address label."""
    canvas = ramp(noise((700, 900), rng, 260, 4, stretch=2.0), [(166, 128, 90), (186, 148, 106)])
    image = to_image(canvas)
    draw = ImageDraw.Draw(image)
    draw.rectangle([0, 310, 900, 390], fill=(196, 164, 116))
    if label:
        draw.rectangle([90, 80, 520, 290], fill=PAPER)
        handwriting(draw, (110, 90, 500, 270), rng, INK, 44)
        for k in range(4):
            image.paste(postcard(110, 130, rng, k + 2, k), (560 + k % 2 * 130, 60 + k // 2 * 120))
    text_block(draw, (80, 430, 820, 680), words(rng, 9).upper(), font(62, 900), vary((120, 40, 40), rng), 1.1)
    return worn(image, rng, 0.1)


def globe_map(rng: Rng) -> Image.Image:
    """An invented world with lands, graticule and place names."""
    width, height = 2048, 1024
    field = noise((height, width), rng, 7, 7)
    blend = np.linspace(0, 1, 200)[None, :]
    field[:, -200:] = field[:, -200:] * (1 - blend) + field[:, :1] * blend
    land = field > 0.52
    sea = ramp(np.clip(field / 0.52, 0, 1), [(62, 110, 140), (120, 166, 176), (170, 204, 200)])
    soil = ramp(np.clip((field - 0.52) / 0.45, 0, 1), [(206, 190, 130), (158, 164, 96), (176, 128, 80), (120, 84, 64)])
    canvas = np.where(land[..., None], soil, sea)
    canvas[np.abs(field - 0.52) < 0.006] = (70, 50, 40)
    image = to_image(canvas)
    draw = ImageDraw.Draw(image)
    for k in range(24):
        draw.line([(k * width / 24, 0), (k * width / 24, height)], fill=(90, 110, 116), width=2)
    for k in range(1, 12):
        draw.line([(0, k * height / 12), (width, k * height / 12)], fill=(90, 110, 116), width=2)
    for _ in range(150):
        x, y = rng.random() * width * 0.95, rng.uniform(0.12, 0.85) * height
        draw.ellipse([x - 4, y - 4, x + 4, y + 4], fill=(160, 30, 30))
        draw.text((x + 8, y - 12), name(rng), font=font(int(rng.integers(16, 34)), 600), fill=INK)
    return worn(image, rng, 0.08)


def block_face(rng: Rng, letter: str) -> Image.Image:
    """One side of a wooden letter block."""
    image = wood(220, 220, rng, [(176, 132, 84), (214, 176, 124), (232, 200, 150)])
    draw = ImageDraw.Draw(image)
    ink = vary(pick(rng, [(186, 50, 44), (38, 92, 146), (46, 120, 70), (216, 140, 30), (110, 60, 120)]), rng)
    draw.rectangle([14, 14, 206, 206], outline=ink, width=12)
    draw.text((110, 110), letter, font=font(140, 900), fill=ink, anchor="mm")
    return worn(image, rng, 0.1)


def ruler(rng: Rng) -> Image.Image:
    """A wooden ruler of 30 cm."""
    image = wood(1860, 180, rng, [(196, 150, 84), (226, 188, 120), (238, 206, 148)])
    draw = ImageDraw.Draw(image)
    for k in range(301):
        x = 30 + k * 6
        draw.line([(x, 0), (x, 70 if k % 10 == 0 else 50 if k % 5 == 0 else 34)], fill=INK, width=2)
        if k % 10 == 0:
            draw.text((x, 96), str(k // 10), font=font(34, 700), fill=INK, anchor="mm")
    draw.text(
        (930, 150),
        f"{name(rng)} & {name(rng)}  -  {words(rng, 4)}",
        font=font(28, 500),
        fill=(120, 40, 30),
        anchor="mm",
    )
    return image


def tram_side(rng: Rng, red: Colour) -> Image.Image:
    """The painted side of a toy tram."""
    image = Image.new("RGB", (900, 420), red)
    draw = ImageDraw.Draw(image)
    draw.rectangle([0, 230, 900, 420], fill=CREAM)
    draw.rectangle([0, 222, 900, 242], fill=(214, 160, 50))
    for k in range(6):
        x = 40 + k * 142
        draw.rounded_rectangle([x, 50, x + 112, 200], 14, fill=(52, 66, 84), outline=CREAM, width=6)
        draw.ellipse([x + 36, 110, x + 78, 152], fill=vary((214, 160, 120), rng))
        draw.pieslice([x + 26, 148, x + 88, 240], 180, 360, fill=vary(pick(rng, PALETTES[k]), rng))
    draw.text((450, 330), f"{name(rng)} - {name(rng)}  No 7".upper(), font=font(62, 900), fill=INK, anchor="mm")
    return worn(image, rng, 0.12)
