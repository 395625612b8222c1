r"""Text that a terminal shows as it is, whatever names are in it.

A file's name is bytes: it may hold what is not UTF-8 (Python keeps such bytes as lone surrogates), what the terminal's
encoding does not have, and sequences that a terminal obeys: its title, its colours, what is on the screen. All of them
are shown as escapes, `caf\xe9.jpg`, and nothing that is printed fails or acts because of a name.
"""

from __future__ import annotations

import sys
import unicodedata
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TextIO, cast

_OBEYED = frozenset({"Cc", "Cf", "Zl", "Zp"})
"""Unicode's categories of what is not shown but obeyed: controls, changes of direction, ends of lines."""

_JOINS = "\u200c\u200d"
"""Of the category Cf, but seen: they join letters, and what emoji are made of."""

_LAYOUT = "\n\r\t"


def printable(text: str, *, keep: str = "") -> str:
    """`text` with every character that is not shown as itself as an escape; those in `keep` stay."""
    if text.isascii() and text.translate(dict.fromkeys(map(ord, keep), " ")).isprintable():
        return text
    known = text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace") if _has_bytes(text) else text
    return "".join(
        letter if letter in keep or not _is_obeyed(letter) else letter.encode("unicode_escape").decode()
        for letter in known
    )


def printable_lines(text: str) -> str:
    """`text` as `printable`, but for the ends of its lines."""
    return printable(text, keep="\n")


def _has_bytes(text: str) -> bool:
    """Whether there are bytes in it that were no UTF-8; other lone surrogates are left to `_is_obeyed`."""
    try:
        text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return False
    return not text.isascii()


def _is_obeyed(letter: str) -> bool:
    obeyed = unicodedata.category(letter) in _OBEYED and letter not in _JOINS
    return obeyed or "\ud800" <= letter <= "\udfff"


class _Shown:
    """A text stream that passes on what is written as `printable`, in whatever encoding the stream under it has."""

    def __init__(self, under: TextIO) -> None:
        self._under = under

    def write(self, text: str) -> int:
        self._under.write(_in_encoding(printable(text, keep=_LAYOUT), self._under))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._under, name)


def _in_encoding(text: str, stream: TextIO) -> str:
    encoding = getattr(stream, "encoding", None) or "utf-8"
    return text.encode(encoding, "backslashreplace").decode(encoding, "replace")


@contextmanager
def shown_as_it_is() -> Iterator[None]:
    """Within the block, all that this process prints with Python is `printable`: a command's own words and others'."""
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = cast(TextIO, _Shown(before[0])), cast(TextIO, _Shown(before[1]))
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before
