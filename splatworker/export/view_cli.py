"""`splatworker view OUT`: what a run has made, or a splat, in a browser, from a server on this machine alone."""

from __future__ import annotations

import argparse
import contextlib
import http.server
import sys
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from splatworker.contract.outputs import OUTPUTS
from splatworker.errors import InvalidParam, InvalidScene, from_os_error
from splatworker.formats.find import find_splat
from splatworker.stages.command import run_as_command
from splatworker.stages.options import Range, whole_number
from splatworker.stages.path_arguments import a_path
from splatworker.stages.printable import printable
from splatworker.stages.progress import Reporter

LOOPBACK = "127.0.0.1"

PAGES = ("viewer", "report")
"""The pages that there may be, best first."""

_TYPES = {
    **{Path(output.file).suffix: output.content_type for output in OUTPUTS.values()},
    ".ply": "application/octet-stream",
}


class Handler(http.server.SimpleHTTPRequestHandler):
    """Files of one folder, never listed, never cached: the next run may have changed them.

    Asked by another name than this machine's own, it refuses: a page on the web whose name is made to mean 127.0.0.1
    would read the files otherwise. And nothing outside of the folder is served, wherever a link in it leads.
    """

    extensions_map = {**http.server.SimpleHTTPRequestHandler.extensions_map, **_TYPES}  # noqa: RUF012 - as its base does

    def send_head(self) -> Any:
        """Answer only whom this machine's own browser asks, with a file that lies in the folder."""
        port = self.connection.getsockname()[1]
        if self.headers.get_all("Host", []) not in ([f"{name}:{port}"] for name in (LOOPBACK, "localhost")):
            self.send_error(403)
            return None
        try:
            inside = Path(self.translate_path(self.path)).resolve().is_relative_to(Path(self.directory).resolve())
        except (ValueError, OSError, RuntimeError):  # a name that no file can have, or a link to itself
            inside = False
        if not inside:
            self.send_error(404)
            return None
        return super().send_head()

    def end_headers(self) -> None:
        """Add what keeps a browser from showing an old run."""
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        super().end_headers()

    def list_directory(self, path: Any) -> None:
        """Refuse: only what is asked for by name is shown."""
        self.send_error(404)

    def log_message(self, *arguments: Any) -> None:
        """Say nothing."""


class Server(http.server.ThreadingHTTPServer):
    """A thread a request; a browser that goes away in the middle of a file is no news."""

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Tell what is wrong, unless it is that nobody listens any more."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


def main(argv: list[str]) -> int:
    """Serve until interrupted; 0, 1 for an error that was reported, 2 (by argparse) for a wrong command line."""
    parser = argparse.ArgumentParser(
        prog="splatworker view", description="Show the page of a run in a browser, from a server on this machine alone."
    )
    parser.add_argument("shown", type=a_path, metavar="OUT", help="the folder that `splatworker run` wrote, or a splat")
    parser.add_argument(
        "--port",
        type=whole_number(Range(0, 65535)),
        default=0,
        help="the port to listen on; by default any that is free",
    )
    arguments = parser.parse_args(argv)

    def work(report: Reporter) -> dict[str, Any]:
        with folder_of(arguments.shown) as folder, server_of(folder, arguments.port) as server:
            address = address_of(server, folder)
            sys.stdout.write(f"{printable(address)}\nPress Ctrl+C to stop.\n")
            sys.stdout.flush()
            try:
                server.serve_forever()
            except KeyboardInterrupt:
                sys.stdout.write("\n")
        return {}

    return run_as_command("view", work, as_json=False)


@contextlib.contextmanager
def folder_of(shown: Path) -> Iterator[Path]:
    """A folder with a page: that of a run, or for a splat (or the folder of one) one that is gone in the end.

    Raises:
        InvalidParam: there is neither a page nor a splat.
        InvalidScene: the splat is broken.
    """
    if shown.is_dir() and any((shown / OUTPUTS[name].file).is_file() for name in PAGES):
        yield shown
        return
    try:
        splat = find_splat(shown)
    except InvalidScene:
        _page_in(shown)
        raise
    from splatworker.export.view_splat import write_page_of  # noqa: PLC0415 - seconds that a page that is there can do without

    with tempfile.TemporaryDirectory(prefix="splatworker-view-") as name:
        write_page_of(splat, Path(name) / OUTPUTS["viewer"].file)
        yield Path(name)


def server_of(folder: Path, port: int = 0) -> http.server.ThreadingHTTPServer:
    """A server of a folder's files on the loopback interface, listening; port 0 is any that is free.

    Raises:
        InvalidParam: the folder holds no page, or the port is none.
        SplatError: the port is taken.
    """
    _page_in(folder)
    try:
        return Server((LOOPBACK, port), partial(Handler, directory=str(folder)))
    except OverflowError:
        raise InvalidParam(f"{port} is not a port number.", hint="Ports go from 0 to 65535.", stage="view") from None
    except OSError as error:
        raise from_os_error(error, "view") from error


def address_of(server: http.server.ThreadingHTTPServer, folder: Path) -> str:
    """Where a browser finds the folder's page."""
    return f"http://{LOOPBACK}:{server.server_port}/{_page_in(folder)}"


def _page_in(folder: Path) -> str:
    for name in PAGES:
        if (folder / OUTPUTS[name].file).is_file():
            return OUTPUTS[name].file
    raise InvalidParam(
        f"There is no page in '{folder}'.", hint="Give the folder that splatworker run wrote, or a splat.", stage="view"
    )
