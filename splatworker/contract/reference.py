"""The tables of docs/parameters.md, made from what is declared of the params, and of a job's other fields."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from splatworker.contract.declared import explanation_of
from splatworker.contract.job import Job
from splatworker.contract.params import DECLARED, GROUPS
from splatworker.contract.stage_sections import SFM, VIDEO
from splatworker.stages.options import Declared

REQUIRED_FIELDS = ("image_urls", "upload_url")


def tables() -> dict[str, str]:
    """Each table as Markdown, by the name that it has in the page."""
    made = {
        group.lower().replace(" ", "-"): options_table([known for known in DECLARED if known.option.group == group])
        for group in GROUPS
    }
    return made | {
        "sfm": options_table(SFM, whose=False),
        "video": options_table(VIDEO, whose=False),
        "job": _fields(),
    }


def in_page(page: str) -> str:
    """The page with its tables made anew: what stands between a table's two markers is replaced.

    Raises:
        ValueError: a table has no place in the page.
    """
    for name, table in tables().items():
        begin, end = f"<!-- table: {name} -->\n", f"<!-- end of table: {name} -->"
        before, found, rest = page.partition(begin)
        _, ended, after = rest.partition(end)
        if not found or not ended:
            raise ValueError(f"there is no place for the table '{name}': {begin}...{end}")
        page = f"{before}{begin}{table}{end}{after}"
    return page


def options_table(options: Sequence[Declared], *, whose: bool = True) -> str:
    """A table of options as a job knows them, with or without the column that says whose they are."""
    head = ("name", "default", "range", "unit", "whose", "what it does, and when to change it")
    rows = [
        (
            f"`{known.name}`",
            _default(known.job_default),
            _range(known),
            known.option.unit,
            known.option.whose,
            _linked(explanation_of(known)),
        )
        for known in options
    ]
    kept = [column for column, name in enumerate(head) if whose or name != "whose"]
    return _table([head[column] for column in kept], [[row[column] for column in kept] for row in rows])


def _fields() -> str:
    """The fields beside `params`, but for those of which a job consists."""
    return _table(
        ("field", "default", "what it does"),
        [
            (f"`{name}`", _default({} if name in ("sfm", "video") else field.default), _linked(field.description or ""))
            for name, field in Job.model_fields.items()
            if name not in (*REQUIRED_FIELDS, "params")
        ],
    )


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n" for line in lines)


def _default(value: Any) -> str:
    return repr(value) if isinstance(value, int | float) and not isinstance(value, bool) else json.dumps(value)


def _range(known: Declared) -> str:
    job = known.option.job
    assert job is not None
    if known.kind is bool:
        return "switch"
    if known.choices:
        return ", ".join(json.dumps(choice) for choice in known.choices)
    if known.is_list:
        return f"up to {job.longest} numbers, {known.job_range.cell}"
    return known.job_range.cell if known.kind in (int, float) else "text"


def _linked(text: str) -> str:
    """Pages and addresses as links."""
    linked = re.sub(r"\bdocs/(\w+\.md)", r"[\1](\1)", text)
    return re.sub(r"(?<!\()(\b[A-Z][\w ]+) \((https://[^)]+)\)", r"[\1](\2)", linked)
