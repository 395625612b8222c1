"""A picture for every photo, whatever the photos are called, and none over another."""

from __future__ import annotations

import os
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from splatworker.render.picture_names import picture_names


@pytest.mark.parametrize(
    ("photos", "pictures"),
    [
        (["0001.jpg", "0002.JPG"], ["0001.png", "0002.png"]),
        (["0001.jpg", "0001.png"], ["0001.jpg.png", "0001.png"]),
        (["0001.png", "0001.jpg", "0001.jpeg"], ["0001.png", "0001.jpg.png", "0001.jpeg.png"]),
        (["a.jpg", "A.jpg", "a.JPG"], ["a.png", "A.jpg.png", "a.JPG_2.png"]),
        (["day1/1.jpg", "day2/1.jpg"], ["day1/1.png", "day2/1.png"]),
        (["a.png/b.jpg", "a.jpg"], ["a.png/b.png", "a.jpg.png"]),
        (["caf\u00e9.jpg", "cafe\u0301.jpg"], ["caf\u00e9.png", "cafe\u0301.jpg.png"]),
        (["STRASSE.jpg", "straße.jpg"], ["STRASSE.png", "straße.jpg.png"]),
        (["twice.jpg", "twice.jpg"], ["twice.png", "twice.jpg.png"]),
        ([os.fsdecode(b"caf\xe9.jpg")], [os.fsdecode(b"caf\xe9.png")]),
    ],
)
def test_names(photos: list[str], pictures: list[str]) -> None:
    assert picture_names(photos) == pictures


part = st.sampled_from(["a", "A", "a.jpg", "a.png", "a.png.png", "é", "e\u0301.JPG", "b" * 251 + ".jpg"])


@given(st.lists(st.lists(part, min_size=1, max_size=3).map("/".join), max_size=8))
def test_no_two_are_the_same_file_and_none_is_a_folder_of_another(photos: list[str]) -> None:
    pictures = picture_names(photos)
    assert len(pictures) == len(photos)
    plain = [unicodedata.normalize("NFC", name).casefold() for name in pictures]
    assert len(set(plain)) == len(plain)
    for name in plain:
        assert name.endswith(".png")
        assert len(os.fsencode(name.rpartition("/")[2])) <= 255
        assert not any(other.startswith(f"{name}/") for other in plain)
