"""Whole jobs with photos made to do harm, and with servers that are slow, broken, or lie: each photo that is not one is
named by its index and reason, and the splat is made of the others.
"""

from __future__ import annotations

import gzip
import io
import socket
import time
import zlib
from collections.abc import Callable

import numpy as np
import pillow_heif
from PIL import Image
from support.odd_photos import chunk, png
from support.servers import Behaviour, RawServer, read_request, reset, respond
from support.world import SECRET, World


def jpeg(seed: int) -> bytes:
    """A photo like no other."""
    coarse = np.random.default_rng(1000 + seed).integers(0, 256, size=(12, 16, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(coarse).resize((160, 120), Image.Resampling.BICUBIC).save(file, "JPEG", quality=90)
    return file.getvalue()


def corrupt_heic() -> bytes:
    file = io.BytesIO()
    pillow_heif.from_pillow(Image.fromarray(np.full((120, 160, 3), 90, dtype=np.uint8))).save(file)
    data = bytearray(file.getvalue())
    data[60:] = bytes(len(data) - 60)
    return bytes(data)


def test_files_that_are_no_photos_or_harm_the_decoder(world: World, odd: Callable[[Behaviour], RawServer]) -> None:
    bomb_of_text = chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(200 << 20), 9))
    good = (world.folder / "photos" / "IMG_0001.jpg").read_bytes()
    files = {
        "truncated.jpg": (jpeg(1)[:-400], "truncated"),
        "pixels.png": (png(60_000, 60_000), "megapixels"),
        "text.png": (png(100, 100, bomb_of_text, rows=bytes(101 * 100)), ""),
        "page.jpg": (b"<html><body>Please log in</body></html>", "web page"),
        "drawing.jpg": (b"<?xml version='1.0'?><svg xmlns='http://www.w3.org/2000/svg'/>", "web page or drawing"),
        "corrupt.heic": (corrupt_heic(), ""),
        "crash.jpg": (jpeg(2), "crashes the decoder"),
        "hang.jpg": (jpeg(3), "too long"),
        "empty.jpg": (b"", "empty"),
        "twice.jpg": (good, "same picture as"),
        "%2e%2e%2f%2e%2e%2fetc%2fpasswd": (b"root:x:0:0\n", "not a JPEG"),
        "$(rm -rf x); `y`.jpg": (b"\0" * 100, "not a JPEG"),
    }
    bodies = {f"/{number}": body for number, (body, _) in enumerate(files.values())}

    def behave(connection: socket.socket, number: int) -> None:
        head, _ = read_request(connection)
        respond(connection, "200 OK", bodies["/" + head.split(b" ")[1].decode().split("/")[1]])

    odd(behave)
    urls = [
        f"http://odd.example/{number}/{name.replace(' ', '%20')}?token={SECRET}" for number, name in enumerate(files)
    ]
    answer = world.do("photos=bad-decoders", image_urls=[*world.photo_urls(), *urls])
    assert answer["status"] == "success", answer
    rejected = answer["photos"]["rejected"]
    reasons = {photo["index"] - 6: photo["reason"] for photo in rejected}
    assert len(reasons) == len(rejected)  # each once
    assert list(reasons) == list(range(len(files)))
    for number, (_, words) in enumerate(files.values()):
        assert words in reasons[number], (number, reasons[number])
    assert answer["photos"]["used"] == answer["photos"]["registered"] == 6
    assert not (world.folder / "etc").exists()


def test_servers_that_are_slow_or_broken_or_lie(world: World, odd: Callable[[Behaviour], RawServer]) -> None:
    photos = [jpeg(number) for number in range(20)]
    tried: dict[str, int] = {}

    def behave(connection: socket.socket, number: int) -> None:
        head, _ = read_request(connection)
        kind = head.split(b" ")[1].decode().split("/")[1].split("?")[0]
        tried[kind] = again = tried.get(kind, 0) + 1
        match kind:
            case "latency":
                time.sleep(1.0)
                respond(connection, "200 OK", photos[0])
            case "drip":
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
                while not server.stopping.wait(0.05):
                    connection.sendall(b"x")
            case "reset-once":
                reset(connection) if again == 1 else respond(connection, "200 OK", photos[1])
            case "reset-always":
                reset(connection)
            case "short-once":
                length = len(photos[2])
                respond(connection, "200 OK", photos[2][: 100 if again == 1 else length], length=length)
            case "short-always":
                respond(connection, "200 OK", photos[3][:-100], length=len(photos[3]))
            case "cut-without-length":
                connection.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + photos[4][:-400])
            case "length-too-small":
                respond(connection, "200 OK", photos[7], length=len(photos[7]) - 400)
            case "endless":
                connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
                while not server.stopping.is_set():
                    connection.sendall(b"10000\r\n" + bytes(0x10000) + b"\r\n")
            case "404" | "410":
                respond(connection, f"{kind} None")
            case "429" | "503":
                first = respond if again == 1 else None
                if first:
                    respond(connection, f"{kind} Later", b"", "Retry-After: 20000")
                else:
                    respond(connection, "200 OK", photos[5 if kind == "429" else 6])
            case "503-always":
                respond(connection, "503 Later", b"", "Retry-After: 20000")
            case "gzip-bomb":
                respond(connection, "200 OK", gzip.compress(bytes(50 << 20)), "Content-Encoding: gzip")

    server = odd(behave)
    expected = {
        "latency": None,
        "drip": "did not arrive in time",
        "reset-once": None,
        "reset-always": "could not be reached",
        "short-once": None,
        "short-always": "broke off",
        "cut-without-length": "truncated",
        "length-too-small": "truncated",
        "endless": "larger than",
        "404": "404",
        "410": "410",
        "429": None,
        "503": None,
        "503-always": "503",
        "gzip-bomb": "compresses",
    }
    urls = [f"http://odd.example/{kind}?token={SECRET}" for kind in expected]
    answer = world.do(
        "fetch=tune:splatworker.photos.fetch:LONGEST_WAIT_S=0.05,MOST_SECONDS_EACH=10,MOST_BYTES=4000000",
        image_urls=[*world.photo_urls(), *urls],
    )
    assert answer["status"] == "success", answer
    rejected = answer["photos"]["rejected"]
    reasons = {photo["index"] - 6: photo["reason"] for photo in rejected}
    assert len(reasons) == len(rejected)  # each once
    for number, (kind, words) in enumerate(expected.items()):
        if words is None:
            assert number not in reasons, (kind, reasons)
        else:
            assert words in reasons[number], (kind, reasons)
    assert tried["404"] == tried["410"] == 1


def test_a_job_of_nothing_but_bad_photos_is_one_clear_error(
    world: World, odd: Callable[[Behaviour], RawServer]
) -> None:
    def behave(connection: socket.socket, number: int) -> None:
        read_request(connection)
        respond(connection, "200 OK", b"<html>expired</html>")

    odd(behave)
    answer = world.do(image_urls=[f"http://odd.example/{n}.jpg?token={SECRET}" for n in range(7)])
    assert answer["code"] == "no_photos"
    assert "web page" in answer["error"]
    assert world.store.statuses() == ["failed"]
