"""Tell a webhook how a job stands, in the form of the Standard Webhooks (standardwebhooks.com).

What it is told is made by `messages`. A webhook that cannot be delivered is a warning, never an error: the splat is
there all the same.
"""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from typing import Any

import requests
import stamina
from standardwebhooks import Webhook

from splatworker.deliver import messages
from splatworker.network import faults, guard, header_values

TRIES = 8
"""Over some two minutes: a receiver that is being deployed anew comes back within them."""

REFUSED_TRIES = 3
"""The same for a receiver that says no (4xx): it may not know the job yet."""

MOST_SECONDS = 120.0
LONGEST_WAIT_S = 30.0
MOST_SECONDS_EACH = 30.0
"""Seconds of one try, however its receiver drips."""
_TIMEOUT = (guard.CONNECT_TIMEOUT_S, 20.0)


_LATER = frozenset({408, 425, 429})
"""Of the answers that say no, those that mean: not now."""


class _TryAgain(Exception):
    def __init__(self, reason: str, wait_s: float = 0.0, *, refused: bool = False) -> None:
        super().__init__(reason)
        self.wait_s = wait_s
        self.refused = refused


class Undelivered(Exception):
    """The webhook could not be delivered: why, in words."""


def send(url: str, message: dict[str, Any], *, secret: str | None = None, tries: int = TRIES) -> None:
    """POST the message until the receiver has it.

    Raises:
        Undelivered: it has not, and will not.
    """
    body = json.dumps(message)
    try:
        for attempt in stamina.retry_context(
            on=_TryAgain, attempts=tries, timeout=MOST_SECONDS, wait_initial=1.0, wait_max=LONGEST_WAIT_S
        ):
            with attempt:
                try:
                    _post(url, body, messages.message_id(message), secret)
                except _TryAgain as again:
                    if again.refused and attempt.num >= REFUSED_TRIES:
                        raise Undelivered(str(again)) from None
                    if attempt.num < tries:
                        time.sleep(min(again.wait_s, LONGEST_WAIT_S))
                    raise
    except _TryAgain as error:
        raise Undelivered(str(error)) from None


def _post(url: str, body: str, identifier: str, secret: str | None) -> None:
    now = datetime.now(UTC)
    headers = {
        "Content-Type": "application/json",
        "webhook-id": identifier,
        "webhook-timestamp": str(int(now.timestamp())),
    }
    if secret is not None:
        headers["webhook-signature"] = Webhook(secret).sign(identifier, now, body)
    end = time.monotonic() + MOST_SECONDS_EACH
    try:
        status, wait_s = guard.within(lambda: end, lambda: _answer(url, body, headers))
    except requests.RequestException as error:
        again = isinstance(error, requests.ConnectionError | requests.Timeout)
        if again and not faults.is_certificate(error):
            raise _TryAgain(guard.describe(error)) from None
        raise Undelivered(guard.describe(error)) from None
    if 200 <= status < 300:
        return
    if status == 410 or 300 <= status < 400:
        raise Undelivered(f"the receiver answered {status}")
    refused = 400 <= status < 500 and status not in _LATER
    raise _TryAgain(f"the receiver answered {status}", wait_s, refused=refused)


def _answer(url: str, body: str, headers: dict[str, str]) -> tuple[int, float]:
    """POST once: the status, and the seconds that the receiver asks to wait before the next try."""
    with (
        guard.session() as session,
        # stream: the body of the answer, which may never end, is not read.
        session.post(
            url, data=body.encode(), headers=headers, timeout=_TIMEOUT, stream=True, allow_redirects=False
        ) as response,
    ):
        return response.status_code, header_values.retry_after(response.headers.get("Retry-After", ""))
