"""A file of certificate authorities that the environment names, and that is none."""

from __future__ import annotations

from pathlib import Path

import pytest
import trustme

from splatworker.errors import SplatError
from splatworker.network import authorities


@pytest.mark.parametrize(("content", "words"), [(None, "cannot be read"), ("nothing", "holds no certificates")])
def test_authorities_that_are_none_are_told_before_anything_is_fetched(
    content: str | None, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if content is not None:
        (tmp_path / "ca.pem").write_text(content)
    monkeypatch.setenv(authorities.AUTHORITIES, str(tmp_path / "ca.pem"))
    with pytest.raises(SplatError, match=f"{authorities.AUTHORITIES}.*{words}"):
        authorities.check_authorities()


def test_authorities_that_are_some(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trustme.CA().cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    for file in (str(tmp_path / "ca.pem"), ""):
        monkeypatch.setenv(authorities.AUTHORITIES, file)
        authorities.check_authorities()


def test_a_file_that_is_replaced_is_looked_at_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(authorities.AUTHORITIES, str(tmp_path / "ca.pem"))
    trustme.CA().cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    authorities.check_authorities()
    (tmp_path / "ca.pem").write_text("nothing")
    with pytest.raises(SplatError, match="holds no certificates"):
        authorities.check_authorities()
    (tmp_path / "ca.pem").unlink()
    with pytest.raises(SplatError, match="cannot be read"):
        authorities.check_authorities()
