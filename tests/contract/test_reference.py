"""The tables of docs/parameters.md."""

from __future__ import annotations

import pytest

from splatworker.contract.params import DECLARED
from splatworker.contract.reference import in_page, options_table, tables


def test_every_param_stands_in_one_table() -> None:
    whole = "".join(tables().values())
    for known in DECLARED:
        assert whole.count(f"| `{known.name}` |") == 1


def test_a_page_gets_its_tables_where_their_markers_are() -> None:
    markers = [f"<!-- table: {name} -->\nstale words\n<!-- end of table: {name} -->\n" for name in tables()]
    page = "# Title\n\n" + "words that stay\n".join(markers)
    made = in_page(page)
    assert "stale words" not in made
    assert made.startswith("# Title\n\n<!-- table:")
    assert made.count("words that stay") == len(markers) - 1
    assert in_page(made) == made


def test_a_table_without_a_place_is_named() -> None:
    with pytest.raises(ValueError, match=f"no place for the table '{next(iter(tables()))}'"):
        in_page("# Title\n")


def test_whose_an_option_is_may_be_left_out() -> None:
    head, *_ = options_table(DECLARED[:1]).splitlines()
    narrow, *_ = options_table(DECLARED[:1], whose=False).splitlines()
    assert head.count("|") == narrow.count("|") + 1
    assert "whose" not in narrow
