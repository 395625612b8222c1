"""Protected clips are known by their containers."""

from __future__ import annotations

from pathlib import Path

import pytest
from support import clips
from support.clips import refusal

from splatworker.video.encryption import is_encrypted


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds of a pan."""
    return clips.write_clip(tmp_path_factory.mktemp("clips") / "clip.mp4", clips.pan(range(0, 180, 3)))


KEY = (
    "-encryption_scheme",
    "cenc-aes-ctr",
    "-encryption_key",
    "76a6c65c5ea762046bd749a2e632ccbb",
    "-encryption_kid",
    "a7e61c373e219033c21091fa607bf3b8",
)


def test_an_encrypted_mp4(clip: Path, tmp_path: Path) -> None:
    error = refusal(clips.remux(clip, tmp_path / "bought.mp4", KEY), tmp_path)
    assert error.code == "video_encrypted"
    assert not is_encrypted(clip, "mov")


def test_an_encrypted_matroska_file(tmp_path: Path) -> None:
    def element(kind: str, content: bytes) -> bytes:
        return bytes.fromhex(kind) + (0x10000000 | len(content)).to_bytes(4, "big") + content

    encryption = element("6d80", element("6240", element("5035", element("47e1", b"\x05"))))
    for name, inside in (("bought.mkv", encryption), ("free.mkv", element("6d80", element("6240", b"")))):
        track = element("ae", element("d7", b"\x01") + inside)
        content = element("1a45dfa3", b"") + bytes.fromhex("18538067") + b"\x01" + b"\xff" * 7
        (tmp_path / name).write_bytes(content + element("1654ae6b", track))
    assert refusal(tmp_path / "bought.mkv", tmp_path).code == "video_encrypted"
    assert not is_encrypted(tmp_path / "free.mkv", "matroska")
