"""The report: one file without a network that names everything, and cannot be broken by a name."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from support.exports import Exported

from splatworker.errors import InvalidScene
from splatworker.export.account import read_account
from splatworker.export.charts import line_chart, map_from_above, ticks, time_bar
from splatworker.export.report import Pictures, page


class Page(HTMLParser):
    """What a browser would find: tags with their attributes, and the text outside of scripts and styles."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self._silent = False
        self.feed(text)
        self.text = " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._silent = tag in ("script", "style")

    def handle_endtag(self, tag: str) -> None:
        self._silent = False

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.words.append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture(scope="module")
def text(exported: Exported) -> str:
    return (exported.folder / "report.html").read_text()


@pytest.fixture(scope="module")
def report(text: str) -> Page:
    return Page(text)


def test_it_needs_no_other_file(report: Page, text: str) -> None:
    for tag, attributes in report.tags:
        for name in ("src", "href", "srcset", "poster", "data", "action"):
            value = attributes.get(name)
            assert value is None or value.startswith("data:"), (tag, value)
    assert "@import" not in text
    assert "url(" not in text
    assert "fetch(" not in text


def test_every_dropped_photo_is_named_with_its_reason(report: Page) -> None:
    for words in ("photo 4", "the server answered 404", "blurred <b>.jpg", "it shares too little with the others"):
        assert words in report.text


def test_photos_beside_renders_worst_first(report: Page, exported: Exported) -> None:
    quality = json.loads((exported.folder / "quality.json").read_text())
    captions = [f"{p['name']}: {p['psnr']:.2f} dB, SSIM {p['ssim']:.3f}" for p in quality["scores"]["photos"]]
    places = [report.text.index(caption) for caption in captions]
    assert len(places) == 2
    assert places == sorted(places)
    alts = [image.get("alt") for image in report.all("img")]
    assert alts[:3] == ["photo", "splat", "difference"]
    assert len(alts) == 6


def test_figures_charts_map_times_files_and_settings_are_there(report: Page, exported: Exported) -> None:
    for words in (
        "12 of 14", "A warning & more.", "PSNR on photos held out", "sfm 20.0 s", "train 1 min 40 s", "splat.spz",
        "splat.compressed.ply", "iterations", "Cleaning", "13 readable",
    ):  # fmt: skip
        assert words in report.text, words
    labels = {svg.get("aria-label") for svg in report.all("svg")}
    assert {"Loss over iteration", "Gaussians over iteration", "PSNR over iteration"} <= labels
    assert {"Cameras and points from above", "Time of each stage"} <= labels
    assert len([path for path in report.all("path") if "camera" in (path.get("class") or "")]) == 12
    assert len([path for path in report.all("path") if "held" in (path.get("class") or "")]) == 2
    assert len(report.all("canvas")) == 1


def figures(**more: Any) -> dict[str, Any]:
    return {
        "splat": {"gaussians": 1, "gaussians_trained": 1, "not_finite": 0, "sh_degree": 0, "trained_bytes": 10},
        "photos": {"given": 0, "used": 0, "registered": 0, "held_out": 0, "rejected": []},
        "scores": {"of": "trained on", "psnr": None, "ssim": None, "photos": [], "as_trained": {}},
        "training": {"log": [], "history": []},
        **{name: {} for name in ("reconstruction", "frame", "timings", "settings")},
        "cleaning": None,
        "formats": [],
        "warnings": [],
        **more,
    }


def pictures(**more: Any) -> Pictures:
    one = {"centers": np.zeros((1, 3)), "forwards": np.array([[0.0, 0, -1]]), "held_out": [False]}
    return Pictures(**{"comparisons": [], "points": np.zeros((0, 3)), **one, **more})


def test_names_from_strangers_are_only_text() -> None:
    evil = '</script><script>alert(1)</script><img src=x onerror="alert(2)">{{map}}'
    found = figures(
        warnings=[evil],
        settings={evil: evil},
        timings={evil: 1.0},
        photos={"given": 1, "used": 0, "registered": 0, "held_out": 0, "rejected": [{"name": evil, "reason": evil}]},
    )
    shown = Page(page(found, pictures(title=evil)))
    assert len(shown.all("script")) == 2  # the page's own
    assert shown.all("img") == []
    assert shown.text.count("alert(2)") >= 5


def test_every_dropped_photo_is_named_however_many_there_are(tmp_path: Path) -> None:
    rejected = [{"name": f"IMG_{number:04}.jpg", "reason": "it is blurred"} for number in range(120)]
    for photo in rejected[:100]:
        Image.new("RGB", (64, 48), (200, 30, 40)).save(tmp_path / photo["name"])
    counts = {"given": 130, "used": 10, "registered": 10, "held_out": 0, "rejected": rejected}
    shown = Page(page(figures(photos=counts), pictures(photo_folder=tmp_path)))
    for photo in rejected:
        assert photo["name"] in shown.text
    thumbnails = shown.all("img")
    assert len(thumbnails) == 48  # for those after them their names must do
    assert all(str(image["src"]).startswith("data:image/webp;base64,") for image in thumbnails)


def test_a_thumbnail_is_only_taken_from_the_photos_folder(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    Image.new("RGB", (64, 48)).save(tmp_path / "secret.jpg")
    counts = figures()["photos"] | {"rejected": [{"name": "../secret.jpg", "reason": "it is not there"}]}
    assert Page(page(figures(photos=counts), pictures(photo_folder=tmp_path / "photos"))).all("img") == []


def test_light_dark_and_phones(text: str) -> None:
    assert "prefers-color-scheme: dark" in text
    assert "width=device-width" in text


def test_charts_of_nothing_are_nothing() -> None:
    assert line_chart({}, "x", "y") == ""
    assert line_chart({"a": [(1, float("nan")), (2, 1.0)]}, "x", "y") == ""
    assert time_bar({}) == ""


def test_a_line_goes_through_its_points() -> None:
    chart = line_chart({"a": [(0, 0.0), (10, 10.0)]}, "x", "y")
    (points,) = [attributes["points"] for tag, attributes in Page(chart).tags if tag == "polyline"]
    (x0, y0), (x1, y1) = (map(float, pair.split(",")) for pair in str(points).split())
    assert x0 < x1
    assert y0 > y1  # up is more


@pytest.mark.parametrize(("low", "high"), [(0, 1), (-3, 7), (0.001, 0.0012), (5, 5), (1e6, 3e6)])
def test_ticks_are_round_and_enclose(low: float, high: float) -> None:
    found = ticks(low, high)
    assert found[0] <= low
    assert found[-1] >= high
    assert 2 <= len(found) <= 8


def test_the_map_shows_where_cameras_look() -> None:
    chart = map_from_above(np.zeros((0, 3)), np.array([[0.0, 0, 3], [0, 0, -3]]), np.array([[0.0, 0, -1], [0, 0, 1]]),
                           [False, True])  # fmt: skip
    first, second = (str(a["d"]) for a in Page(chart).all("path") if "camera" in str(a.get("class")))
    y_of = [float(path.split("l")[0].split()[1]) for path in (first, second)]
    assert y_of[0] > y_of[1]  # z towards the reader: down
    assert "-" in first.split("l")[1].split()[1].split("L")[0]  # and it looks up the page, to the middle


@pytest.mark.parametrize("content", ["{", "[]", '{"timings": {"a": "x"}}', '{"photos": 5}'])
def test_an_account_that_cannot_be_read(tmp_path: Path, content: str) -> None:
    (tmp_path / "account.json").write_text(content)
    with pytest.raises(InvalidScene, match="account"):
        read_account(tmp_path / "account.json")
