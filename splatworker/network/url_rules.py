"""Which URLs a job may give: what their form alone says, before anything is resolved or connected to."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote, urlsplit

from splatworker.errors import InvalidJob
from splatworker.network import hosts
from splatworker.network.ports import PORTS_OF_OTHERS
from splatworker.network.public_addresses import is_public, private_urls_allowed


def local_path(url: str) -> Path | None:
    """The file that a `file:` URL or a plain path names; None for any other URL."""
    parts = urlsplit(url)
    if parts.scheme == "file" and parts.netloc in ("", "localhost"):
        return Path(unquote(parts.path))
    return Path(url) if "://" not in url else None


def check_url(url: str, field: str) -> None:
    """Refuse a URL whose form alone says that it must not be fetched.

    Raises:
        InvalidJob: with the field's name, never the URL's query.
    """
    host, port = check_form(url, field)
    if private_urls_allowed():
        return
    if port in PORTS_OF_OTHERS:
        raise InvalidJob(f"The field '{field}' names port {port}, which is not a web server's.")
    literal = hosts.literal_of(host)
    if hosts.is_this_machine(host) or (literal is not None and not is_public(literal)):
        raise InvalidJob(f"The field '{field}' points to an address that is not public.")
    if literal is None and not hosts.is_name(host):  # a name is resolved, judged and pinned when it is connected to
        raise InvalidJob(f"The field '{field}' holds a URL whose host is no name that could exist.")


def check_form(url: str, field: str) -> tuple[str, int | None]:
    """Refuse what is no http or https URL that may be shown to anybody, wherever it leads; its host and port.

    Raises:
        InvalidJob: with the field's name, never the URL's query.
    """
    if any(ord(character) <= 0x20 or 0x7F <= ord(character) <= 0x9F for character in url) or "\\" in url:
        raise InvalidJob(f"The field '{field}' holds a URL with a space, backslash or control character in it.")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise InvalidJob(f"The field '{field}' does not hold a valid URL.") from None
    if parts.scheme not in ("http", "https") or not host or port == 0:
        raise InvalidJob(
            f"The field '{field}' does not hold an http or https URL.", hint="Give a URL such as https://host/path."
        )
    if parts.username is not None or parts.password is not None:
        raise InvalidJob(f"The field '{field}' holds a URL with a user name or password in it.")
    return host, port
