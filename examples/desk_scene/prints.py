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
    sprig,
    text_block,
    title,
    vary,
    words,
    worn,
)

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
    top = page_heading(draw, width, height, rng) if heading else height * 0.06
    columns = int(rng.integers(1, 3))
    wide = width * (0.8 - 0.04 * (columns - 1)) / columns
    for column in range(columns):
        page_column(image, (width * 0.1 + column * (wide + width * 0.04), top), wide, rng, figures)
    draw.text(
        (width / 2, height * 0.965),
        str(int(rng.integers(9, 400))),
        font=font(int(width * 0.022)),
        fill=INK,
        anchor="mm",
    )
    if pen:
        pencil_notes(draw, width, height, rng)
    return worn(image, rng, 0.03)


def page_heading(draw: ImageDraw.ImageDraw, width: int, height: int, rng: Rng) -> float:
    """A title and who wrote it; where they end."""
    frame = (width * 0.1, height * 0.06, width * 0.9, height)
    below = text_block(draw, frame, title(rng), font(int(width * 0.062), 800), INK, 1.15)
    authors = f"{name(rng)} {name(rng)}, {words(rng, 4)}"
    frame = (width * 0.1, below, width * 0.9, height)
    return text_block(draw, frame, authors, font(int(width * 0.026), 500), (110, 60, 50)) + height * 0.015


def page_column(image: Image.Image, corner: tuple[float, float], wide: float, rng: Rng, figures: int) -> None:
    """Paragraphs, subheadings and at most so many figures, from a corner down to the page's end."""
    draw, (width, height) = ImageDraw.Draw(image), image.size
    (x, y), drawn = corner, 0
    while y < height * 0.9:
        if drawn < figures and rng.random() < 0.6:
            tall = min(int(wide * rng.uniform(0.55, 0.8)), int(height * 0.93 - y))
            if tall > height * 0.1:
                image.paste(chart(int(wide), tall, rng, int(rng.integers(5))), (int(x), int(y)))
                y += tall + height * 0.01
            drawn += 1
        if rng.random() < 0.3:
            subheading, large = words(rng, 4).capitalize(), font(int(width * 0.03), 700)
            y = text_block(draw, (x, y, x + wide, height * 0.93), subheading, large, (70, 60, 90))
        paragraph, small = words(rng, int(rng.integers(30, 70))) + ".", font(int(width * 0.0225), 400)
        y = text_block(draw, (x, y, x + wide, height * 0.94), paragraph, small, INK, 1.32) + height * 0.012


def pencil_notes(draw: ImageDraw.ImageDraw, width: int, height: int, rng: Rng) -> None:
    """What a reader has written, underlined and encircled."""
    frame = (width * 0.55, height * 0.06, width * 0.95, height * 0.16)
    handwriting(draw, frame, rng, (40, 70, 160), height * 0.022)
    for _ in range(4):
        x, y = width * rng.uniform(0.1, 0.6), height * rng.uniform(0.2, 0.85)
        draw.line([(x, y), (x + width * 0.25, y + rng.normal(0, 3))], fill=(200, 60, 50), width=4)
        draw.ellipse([x - 30, y - 16, x + 110, y + 26], outline=(40, 70, 160), width=4)


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
