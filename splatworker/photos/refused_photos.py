"""Why a server gave no photo, in a clause."""

from __future__ import annotations

import requests

from splatworker.network import store_answers
from splatworker.photos.expired_photos import why_refused

_ERRORS = 400


def refusal(response: requests.Response, url: str) -> str:
    """Why an answer brings no photo, a clause: that its URL has ended, or what its server says of it.

    Args:
        response: to a request with `stream=True`, with a status that is an error.
        url: of the photo.
    """
    status = response.status_code
    if (ended := why_refused(status, url)) is not None:
        return ended
    told = store_answers.reason(response) if status >= _ERRORS else ""
    return f"the server answered {status}: {told}" if told else f"the server answered {status}"
