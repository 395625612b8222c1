"""Printed and written matter: jackets, pages, posters, labels, maps, each as an image."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from .paint import (
    CREAM,
    INK,
    PALETTES,
    PICTURE_KINDS,
    Colour,
    Rng,
    font,
    handwriting,
    name,
    noise,
    pick,
    picture,
    ramp,
    sprig,
    text_block,
    title,
    to_image,
    vary,
    words,
    worn,
)
from .surfaces import wood

PAPER: Colour = (246, 243, 235)


def jacket(rng: Rng, board: int, spine: int, tall: int, palette: int, kind: int) -> tuple[Image.Image, str]:
    """A book's jacket laid flat: back, spine, front (widths in pixels); also the title."""
    colours = PALETTES[palette % len(PALETTES)]
    name_of_book, author = title(rng), f"{name(rng)} {name(rng)}"
    dark = sum(colours[0]) < 380
    ink = colours[-1] if dark and sum(colours[-1]) > 380 else (CREAM if dark else INK)
    sheet = Image.new("RGB", (2 * board + spine, tall), colours[0])
    draw = ImageDraw.Draw(sheet)

    front = board + spine
    art_top = int(tall * rng.uniform(0.05, 0.4))
    art_tall = int(tall * rng.uniform(0.46, 0.55))
    margin = int(board * rng.choice([0.0, 0.08, 0.12]))
    sheet.paste(picture(board - 2 * margin, art_tall, rng, palette, kind), (front + margin, art_top))
    top = tall * 0.06 if art_top > tall * 0.26 else art_top + art_tall + tall * 0.04
    box = (front + board * 0.08, top, front + board * 0.92, tall)
    below = text_block(draw, box, name_of_book, font(int(board * 0.13), 800), ink, 1.1, center=True)
    if below < art_top or top > art_top:
        text_block(
            draw,
            (box[0], below + board * 0.02, box[2], tall),
            author,
            font(int(board * 0.06), 400),
            ink,
            center=True,
        )
    draw.text((front + board * 0.1, tall * 0.945), name(rng).upper(), font=font(int(board * 0.04), 600), fill=ink)

    below = text_block(
        draw,
        (board * 0.1, tall * 0.08, board * 0.9, tall * 0.3),
        words(rng, 14) + ".",
        font(int(board * 0.065), 700),
        ink,
    )
    text_block(
        draw,
        (board * 0.1, below + tall * 0.03, board * 0.9, tall * 0.68),
        words(rng, 90) + ".",
        font(int(board * 0.042), 400),
        ink,
    )
    sheet.paste(
        picture(int(board * 0.3), int(board * 0.3), rng, palette + 1, kind + 1),
        (int(board * 0.1), int(tall * 0.72)),
    )
    draw.rectangle([board * 0.58, tall * 0.84, board * 0.9, tall * 0.94], fill=(250, 250, 246))
    for x in np.arange(board * 0.6, board * 0.88, board * 0.011):
        if rng.random() < 0.6:
            draw.line(
                [(x, tall * 0.85), (x, tall * 0.92)],
                fill=INK,
                width=max(1, int(board * rng.uniform(0.003, 0.009))),
            )

    sheet.paste(spine_label(rng, tall, spine, colours, name_of_book, author).rotate(-90, expand=True), (board, 0))
    for x in (board, front):
        draw.line([(x, 0), (x, tall)], fill=vary(colours[0], rng, 25), width=3)
    return worn(sheet, rng, 0.07), name_of_book


def spine_label(rng: Rng, long: int, thick: int, colours: list[Colour], book: str, author: str) -> Image.Image:
    """The back of a book, lying on its side."""
    ground = colours[int(rng.integers(len(colours)))]
    ink = CREAM if sum(ground) < 400 else INK
    label = Image.new("RGB", (long, thick), ground)
    draw = ImageDraw.Draw(label)
    accent = pick(rng, colours)
    for x in (0.03, 0.06, 0.9, 0.95):
        wide = long * rng.uniform(0.008, 0.03)
        draw.rectangle([long * x, 0, long * x + wide, thick], fill=accent)
    size = int(thick * 0.52)
    while size > 6 and draw.textlength(book, font=font(size, 800)) > long * 0.5:
        size -= 1
    draw.text((long * 0.11, thick / 2), book, font=font(size, 800), fill=ink, anchor="lm")
    draw.text(
        (long * 0.88, thick / 2),
        author,
        font=font(int(min(size * 0.8, thick * 0.32)), 400),
        fill=ink,
        anchor="rm",
    )
    return label


def spine_atlas(rng: Rng, columns: int, size: tuple[int, int]) -> Image.Image:
    """Many upright book spines side by side, for the shelves in the background."""
    width, height = size
    atlas = Image.new("RGB", size)
    for k in range(columns):
        x0, x1 = k * width // columns, (k + 1) * width // columns
        label = spine_label(rng, height, x1 - x0, PALETTES[int(rng.integers(8))], title(rng), name(rng))
        atlas.paste(label.rotate(-90, expand=True), (x0, 0))
    return worn(atlas, rng, 0.1)


def chart(width: int, height: int, rng: Rng, kind: int) -> Image.Image:
    """A figure: curves, bars, scatter, a sectioned diagram or a map."""
    if kind % 5 == 4:
        return picture(width, height, rng, int(rng.integers(8)), int(rng.integers(PICTURE_KINDS)))
    image = Image.new("RGB", (width * 2, height * 2), PAPER)
    draw = ImageDraw.Draw(image)
    w, h = width * 2, height * 2
    left, right, top, bottom = w * 0.1, w * 0.96, h * 0.06, h * 0.86
    for k in range(6):
        y = bottom + (top - bottom) * k / 6
        draw.line([(left, y), (right, y)], fill=(206, 204, 200), width=2)
        draw.text((left - 10, y), f"{k * int(rng.integers(2, 9))}", font=font(int(h * 0.045)), fill=INK, anchor="rm")
    colours = [(186, 60, 48), (40, 92, 140), (214, 150, 40), (60, 120, 84)]
    if kind % 5 == 0:
        for colour in colours:
            xs = np.linspace(left, right, 80)
            ys = bottom - (bottom - top) * (0.15 + 0.7 * noise((2, 80), rng, 5, 4)[0])
            draw.line([*zip(xs, ys, strict=True)], fill=colour, width=max(3, w // 130))
    elif kind % 5 == 1:
        for k in range(9):
            x = left + (right - left) * (k + 0.2) / 9
            draw.rectangle(
                [x, bottom - (bottom - top) * rng.uniform(0.15, 0.95), x + (right - left) / 14, bottom],
                fill=vary(colours[k % 4], rng),
            )
    elif kind % 5 == 2:
        for _ in range(130):
            x, r = rng.uniform(left, right), rng.uniform(0.004, 0.014) * w
            y = bottom - (bottom - top) * np.clip((x - left) / (right - left) + rng.normal(0, 0.17), 0.02, 0.98)
            draw.ellipse([x - r, y - r, x + r, y + r], fill=vary(pick(rng, colours), rng))
    else:
        knots = [(rng.uniform(left, right), rng.uniform(top, bottom)) for _ in range(11)]
        for k, knot in enumerate(knots):
            draw.line([knot, knots[(k * 3 + 1) % 11]], fill=(110, 110, 116), width=4)
        for x, y in knots:
            draw.rounded_rectangle(
                [x - w * 0.07, y - h * 0.04, x + w * 0.07, y + h * 0.04],
                9,
                fill=vary(pick(rng, colours), rng),
            )
            draw.text((x, y), name(rng), font=font(int(h * 0.04), 600), fill=PAPER, anchor="mm")
    draw.line([(left, top), (left, bottom), (right, bottom)], fill=INK, width=5)
    return image.resize((width, height), Image.Resampling.LANCZOS)


def page(width: int, height: int, rng: Rng, figures: int = 1, heading: bool = True, pen: bool = False) -> Image.Image:
    """A printed page: heading, columns of text, figures and perhaps pencilled notes."""
    image = Image.new("RGB", (width, height), PAPER)
    draw = ImageDraw.Draw(image)
    y = height * 0.06
    if heading:
        y = text_block(
            draw, (width * 0.1, y, width * 0.9, height), title(rng), font(int(width * 0.062), 800), INK, 1.15
        )
        y = (
            text_block(
                draw,
                (width * 0.1, y, width * 0.9, height),
                f"{name(rng)} {name(rng)}, {words(rng, 4)}",
                font(int(width * 0.026), 500),
                (110, 60, 50),
            )
            + height * 0.015
        )
    columns = int(rng.integers(1, 3))
    wide = width * (0.8 - 0.04 * (columns - 1)) / columns
    for column in range(columns):
        x, cy = width * 0.1 + column * (wide + width * 0.04), y
        drawn = 0
        while cy < height * 0.9:
            if drawn < figures and rng.random() < 0.6:
                tall = min(int(wide * rng.uniform(0.55, 0.8)), int(height * 0.93 - cy))
                if tall > height * 0.1:
                    image.paste(chart(int(wide), tall, rng, int(rng.integers(5))), (int(x), int(cy)))
                    cy += tall + height * 0.01
                drawn += 1
            if rng.random() < 0.3:
                cy = text_block(
                    draw,
                    (x, cy, x + wide, height * 0.93),
                    words(rng, 4).capitalize(),
                    font(int(width * 0.03), 700),
                    (70, 60, 90),
                )
            cy = (
                text_block(
                    draw,
                    (x, cy, x + wide, height * 0.94),
                    words(rng, int(rng.integers(30, 70))) + ".",
                    font(int(width * 0.0225), 400),
                    INK,
                    1.32,
                )
                + height * 0.012
            )
    draw.text(
        (width / 2, height * 0.965),
        str(int(rng.integers(9, 400))),
        font=font(int(width * 0.022)),
        fill=INK,
        anchor="mm",
    )
    if pen:
        handwriting(
            draw,
            (width * 0.55, height * 0.06, width * 0.95, height * 0.16),
            rng,
            (40, 70, 160),
            height * 0.022,
        )
        for _ in range(4):
            x, cy = width * rng.uniform(0.1, 0.6), height * rng.uniform(0.2, 0.85)
            draw.line([(x, cy), (x + width * 0.25, cy + rng.normal(0, 3))], fill=(200, 60, 50), width=4)
            draw.ellipse([x - 30, cy - 16, x + 110, cy + 26], outline=(40, 70, 160), width=4)
    return worn(image, rng, 0.03)


def notes(width: int, height: int, rng: Rng, ground: Colour, ruled: bool = True) -> Image.Image:
    """A page of handwriting and doodles."""
    image = Image.new("RGB", (width, height), ground)
    draw = ImageDraw.Draw(image)
    step = height / 24
    if ruled:
        for k in range(2, 24):
            draw.line([(0, k * step), (width, k * step)], fill=(150, 176, 206), width=2)
        draw.line([(width * 0.12, 0), (width * 0.12, height)], fill=(220, 130, 126), width=2)
    handwriting(draw, (width * 0.15, height * 0.06, width * 0.94, height * 0.62), rng, (44, 52, 110), step)
    for _ in range(5):
        sprig(
            draw,
            (width * rng.uniform(0.2, 0.9), height * rng.uniform(0.68, 0.95)),
            width * 0.2,
            rng,
            [(44, 52, 110), (176, 60, 60)],
        )
    handwriting(draw, (width * 0.15, height * 0.8, width * 0.6, height * 0.95), rng, (44, 52, 110), step)
    return worn(image, rng, 0.03)


def poster(width: int, height: int, rng: Rng, palette: int, kind: int, border: float = 0.07) -> Image.Image:
    """A framed print: picture, title and small print."""
    image = Image.new("RGB", (width, height), CREAM)
    edge = int(min(width, height) * border)
    art_tall = int(height * 0.76)
    image.paste(picture(width - 2 * edge, art_tall, rng, palette, kind), (edge, edge))
    draw = ImageDraw.Draw(image)
    y = text_block(
        draw,
        (edge, edge + art_tall + height * 0.02, width - edge, height),
        title(rng).upper(),
        font(int(width * 0.075), 800),
        INK,
        1.1,
    )
    text_block(
        draw,
        (edge, y + 4, width - edge, height - edge / 2),
        words(rng, 16),
        font(int(width * 0.033), 400),
        INK,
    )
    return worn(image, rng, 0.05)


def postcard(width: int, height: int, rng: Rng, palette: int, kind: int) -> Image.Image:
    """A small print with a white border."""
    image = Image.new("RGB", (width, height), (248, 246, 240))
    edge = int(width * 0.04)
    image.paste(picture(width - 2 * edge, height - 2 * edge, rng, palette, kind), (edge, edge))
    return worn(image, rng, 0.05)


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
