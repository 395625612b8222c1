"""`model_url` is an address that a page can load: the job's own, or what the environment makes of the upload's."""

from __future__ import annotations

import pytest

from splatworker.errors import SplatError
from splatworker.worker.public_address import PUBLIC, public_address

STORE = "https://0123.r2.cloudflarestorage.com/splats"
UPLOAD = f"{STORE}/models/a%20b.ply?X-Amz-Signature=secret"


def test_without_a_rule_it_is_the_uploads_less_its_query(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(PUBLIC, raising=False)
    assert public_address(UPLOAD) == f"{STORE}/models/a%20b.ply"


@pytest.mark.parametrize("rule", [f"{STORE}/ https://models.example/", f"  {STORE}   https://models.example "])
def test_the_rule_replaces_the_beginning(monkeypatch: pytest.MonkeyPatch, rule: str) -> None:
    monkeypatch.setenv(PUBLIC, rule)
    assert public_address(UPLOAD) == "https://models.example/models/a%20b.ply"
    assert public_address("https://elsewhere.example/a.ply?key=1") == "https://elsewhere.example/a.ply"
    assert public_address(f"{STORE}-of-another/a.ply") == f"{STORE}-of-another/a.ply"


@pytest.mark.parametrize(
    "rule", [STORE, "a b", f"{STORE} ftp://x.example", f"{STORE} https://a.example https://b.example"]
)
def test_what_is_no_rule_is_an_error_before_any_job(monkeypatch: pytest.MonkeyPatch, rule: str) -> None:
    monkeypatch.setenv(PUBLIC, rule)
    with pytest.raises(SplatError, match=PUBLIC):
        public_address(UPLOAD)
