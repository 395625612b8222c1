"""What a worker's answers are held to."""

from __future__ import annotations

import json
from typing import Any


def assert_error(answer: dict[str, Any], code: str, *words: str) -> None:
    assert answer["status"] == "error"
    assert answer["code"] == code
    assert isinstance(answer["error"], str)
    assert answer["error"].endswith((".", "?"))
    assert "\n" not in answer["error"]
    assert answer["traceback"]
    for word in words:
        assert word in answer["error"] + " " + answer["hint"]
    json.dumps(answer)
