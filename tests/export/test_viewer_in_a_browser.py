"""The page in headless Chromium, drawn by SwiftShader's WebGL 2: what a customer sees."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pytest
from PIL import Image
from support.exports import Exported
from support.waiting import PATIENCE_S

from splatworker.export.camera_path import Viewpoint
from splatworker.export.orient import rotate
from splatworker.export.view_splat import write_page_of
from splatworker.formats.gaussians import Gaussians
from splatworker.render.arrays import to_numpy
from splatworker.render.backend import renderer_for
from splatworker.render.interface import LossTerms
from splatworker.render.tensors import for_renderer
from splatworker.splat_files.registry import read_any, write_any

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

FLAGS = [
    "--headless", "--no-sandbox", "--no-first-run", "--disable-quic", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--use-angle=swiftshader", "--enable-unsafe-swiftshader",
]  # fmt: skip
LEAST_SSIM, LEAST_SSIM_ON_PHONE = 0.95, 0.85
"""Likeness of the page to our own picture of the same view: the viewer has its own cut-offs and antialiasing, and on a
phone a widest angle of view. Measured: 0.976 and 0.892; mirrored 0.83, upside down 0.60."""

SPILL = 1.1
"""How much higher than the photo a window on a phone may look, as viewer/page.js has it: beyond, there is nothing."""

DRAWN = "document.documentElement.dataset.state !== 'loading'"
DESKTOP, PHONE = (480, 320), (240, 426)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("no Chromium is installed: apt-get install chromium")
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=FLAGS, timeout=1000 * PATIENCE_S)
        yield browser
        browser.close()


def new_page(browser: Browser, size: tuple[int, int], **options: Any) -> Page:
    """A page whose pictures a slow machine has time to draw."""
    page = browser.new_page(viewport={"width": size[0], "height": size[1]}, **options)
    page.set_default_timeout(1000 * PATIENCE_S)
    return page


class Shown:
    """A page that is open, and what it has asked for and complained of."""

    def __init__(
        self, browser: Browser, path: Path, size: tuple[int, int], query: str = "?webgl", **options: Any
    ) -> None:
        self.page = new_page(browser, size, **options)
        self.requests: list[str] = []
        self.errors: list[str] = []
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.goto(f"file://{path}{query}")
        self.page.wait_for_function(DRAWN)
        self.settle()

    @property
    def state(self) -> str:
        return str(self.page.evaluate("document.documentElement.dataset.state"))

    def settle(self) -> None:
        """Wait for some pictures more: sorting runs beside drawing."""
        self.page.evaluate(
            "() => new Promise(done => { let left = 10;"
            " const next = () => left-- ? requestAnimationFrame(next) : done(); next(); })"
        )

    def picture(self) -> np.ndarray:
        """(H, W, 3) in [0, 1], without the controls that lie over it."""
        self.page.add_style_tag(content=".sse-viewer > :not(canvas), .sse-viewer button { opacity: 0 !important }")
        with Image.open(io.BytesIO(self.page.screenshot())) as image:
            return np.asarray(image.convert("RGB"), np.float32) / 255

    def moved_from(self, before: np.ndarray) -> np.ndarray:
        """The picture where a movement ends that began with that one, however many pictures a second are drawn."""
        last = before
        while True:
            self.settle()
            now = self.picture()
            if np.abs(now - before).mean() > 0.01 and np.abs(now - last).mean() < 0.001:
                return now
            last = now


@pytest.fixture(scope="module")
def desktop(browser: Browser, exported: Exported) -> Shown:
    return Shown(browser, exported.folder / "viewer.html", DESKTOP)


def own_picture(folder: Path, size: tuple[int, int], splat: str = "splat.sog") -> np.ndarray:
    """What our renderer draws of the page's first view: all that the photo showed, or in a narrow window its height."""
    text = (folder / "viewer.html").read_text()
    view = json.loads(text.split('id="scene">')[1].split("</script>")[0])["view"]
    width, height = size
    tan_y = max(view["tanY"], min(view["tanX"] * height / width, SPILL * view["tanY"]))
    viewpoint = Viewpoint(np.array(view["position"]), np.array(view["target"]), tan_y * width / height, tan_y)
    upright = rotate(read_any(folder / splat), np.diag([-1.0, -1.0, 1.0]))
    renderer = renderer_for("cpu")
    tensors = for_renderer(upright, renderer)
    image = renderer.render(tensors, viewpoint.camera(width, height), np.zeros(3, np.float32), upright.sh_degree)
    return to_numpy(image.clip(0, 1)).transpose(1, 2, 0)


def ssim(first: np.ndarray, second: np.ndarray) -> float:
    truth = (second * 255).round().astype(np.uint8).transpose(2, 0, 1).copy()
    loss, _ = renderer_for("cpu").loss(first.transpose(2, 0, 1).copy(), truth, LossTerms(1.0))
    return float(loss.ssim)


def test_it_is_drawn_and_asks_for_nothing(desktop: Shown) -> None:
    assert desktop.state == "drawn"
    assert desktop.errors == []
    assert [url for url in desktop.requests if not url.startswith(("file:", "data:", "blob:"))] == []
    assert len([url for url in desktop.requests if url.startswith("file:")]) == 1


def test_it_shows_the_first_view_as_we_draw_it(desktop: Shown, exported: Exported) -> None:
    shown, own = desktop.picture(), own_picture(exported.folder, DESKTOP)
    assert own.std() > 0.1
    assert shown.std() > 0.1  # not blank
    assert ssim(shown, own) > LEAST_SSIM
    for wrong in (shown[::-1], shown[:, ::-1], shown[..., ::-1]):  # or any picture would do
        assert ssim(np.ascontiguousarray(wrong), own) < LEAST_SSIM - 0.05


def fine_grains(antialiased: bool) -> Gaussians:
    """Many small opaque grains before black, each of half a pixel at the first look at them."""
    random, count = np.random.default_rng(3), 3000
    return Gaussians(
        means=random.normal(scale=1.0, size=(count, 3)).astype(np.float32),
        quaternions=np.tile(np.array([1, 0, 0, 0], np.float32), (count, 1)),
        log_scales=np.full((count, 3), np.log(0.01), np.float32),
        opacity_logits=np.full(count, 4, np.float32),
        sh_dc=random.uniform(0.5, 1.5, size=(count, 3)).astype(np.float32),
        sh_rest=np.zeros((count, 0, 3), np.float32),
        antialiased=antialiased,
    )


def test_it_is_drawn_with_antialiasing_where_the_splat_says_so(browser: Browser, tmp_path: Path) -> None:
    """Measured: 3 % less light than ours, and 16 % less than without."""
    bright = {}
    for antialiased in (False, True):
        write_any(tmp_path / "a.ply", fine_grains(antialiased))
        write_page_of(tmp_path / "a.ply", tmp_path / "viewer.html")
        shown = Shown(browser, tmp_path / "viewer.html", DESKTOP)
        bright[antialiased] = shown.picture().mean()
        shown.page.close()
    own = own_picture(tmp_path, DESKTOP, "splat.compressed.ply").mean()
    assert bright[True] == pytest.approx(own, rel=0.08)
    assert bright[True] < 0.92 * bright[False]


def test_it_is_the_right_way_up(desktop: Shown) -> None:
    shown = desktop.picture()
    middle = shown[:, DESKTOP[0] // 3 : 2 * DESKTOP[0] // 3]
    upper, lower = middle[: DESKTOP[1] // 2].mean(axis=(0, 1)), middle[DESKTOP[1] // 2 :].mean(axis=(0, 1))
    assert upper[2] > 1.3 * upper[1]  # blue above
    assert lower[1] > 1.3 * lower[2]  # green below


def test_it_turns_when_dragged_and_comes_nearer_by_the_wheel(browser: Browser, exported: Exported) -> None:
    shown = Shown(browser, exported.folder / "viewer.html", DESKTOP)
    before, mouse = shown.picture(), shown.page.mouse
    mouse.move(240, 160)
    mouse.down()
    for step in range(1, 6):
        mouse.move(240 + 20 * step, 160)
    mouse.up()
    turned = shown.moved_from(before)
    upper, lower = turned[:160].mean(axis=(0, 1)), turned[160:].mean(axis=(0, 1))
    assert upper[2] > upper[1]  # round the upright axis
    assert lower[1] > lower[2]
    for _ in range(4):
        mouse.wheel(0, -200)
    nearer = shown.moved_from(turned)
    assert (nearer.max(axis=2) > 0.15).mean() > (turned.max(axis=2) > 0.15).mean() + 0.05  # it fills more of the page
    shown.page.close()


def test_on_a_phone_all_of_the_first_view_is_seen(browser: Browser, exported: Exported) -> None:
    shown = Shown(browser, exported.folder / "viewer.html", PHONE, is_mobile=True, has_touch=True)
    assert shown.state == "drawn"
    assert shown.page.evaluate("document.documentElement.scrollWidth") == PHONE[0]
    picture = shown.picture()
    assert picture.shape[:2] == (PHONE[1], PHONE[0])
    assert ssim(picture, own_picture(exported.folder, PHONE)) > LEAST_SSIM_ON_PHONE
    shown.page.close()


def test_without_webgl2_it_says_so(browser: Browser, exported: Exported) -> None:
    page = new_page(browser, (300, 200))
    page.add_init_script(
        "HTMLCanvasElement.prototype.getContext = () => null;"
        "Object.defineProperty(Navigator.prototype, 'gpu', { get: () => undefined });"
    )
    page.goto(f"file://{exported.folder / 'viewer.html'}")
    page.wait_for_function(DRAWN)
    assert page.evaluate("document.documentElement.dataset.state") == "failed"
    assert "WebGL 2" in page.inner_text("#message")
    page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1200, 390])
def test_the_report_fits_its_window_and_asks_for_nothing(
    browser: Browser, exported: Exported, scheme: Literal["light", "dark"], width: int
) -> None:
    page = new_page(browser, (width, 800), color_scheme=scheme)
    requests, errors = [], []
    page.on("request", lambda request: requests.append(request.url))
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(f"file://{exported.folder / 'report.html'}")
    assert page.evaluate("document.documentElement.scrollWidth") == width
    with Image.open(io.BytesIO(page.screenshot())) as image:
        corner = np.asarray(image.convert("L"))[5, 5]
    assert (corner > 200) == (scheme == "light")
    drawn = page.evaluate(
        "() => { const c = document.getElementById('map3d');"
        " const data = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;"
        " return data.filter((value, index) => index % 4 == 3 && value).length }"
    )
    assert drawn > 100
    assert errors == []
    assert [url for url in requests if not url.startswith("data:")] == [f"file://{exported.folder / 'report.html'}"]
    page.close()
