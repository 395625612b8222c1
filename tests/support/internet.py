"""A pretended internet: names with addresses, and public addresses that lead to servers on loopback.

Only what lies below the guard is pretended (the resolver and the TCP connection), in this process and, by way of a
folder that the environment names, in every process of a job. Every address that is connected to is written down, and so
is what each child process was started with.
"""

from __future__ import annotations

import json
import os
import socket
import sys
from pathlib import Path
from typing import Any

VARIABLE = "SPLATWORKER_TEST_INTERNET"
PUBLIC = "93.184.216.34"
OTHER_PUBLIC = "93.184.216.35"


class Internet:
    """Where names and addresses lead, for the children of this process.

    Attributes:
        folder: holds `map.json`, `connected` and `children`.
        names: each name's answers in turn, the last one for ever; an answer is a list of addresses.
        servers: the port on loopback that a public address leads to; any other refuses the connection.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.names: dict[str, list[list[str]]] = {}
        self.servers: dict[str, int] = {}

    def publish(self) -> None:
        """Let the processes that start from now on see the state of now."""
        self.folder.mkdir(exist_ok=True)
        (self.folder / "map.json").write_text(json.dumps({"names": self.names, "servers": self.servers}))

    def connected(self) -> list[str]:
        """The addresses that were connected to."""
        return self._lines("connected")

    def children(self) -> list[str]:
        """The command lines and environments of the children."""
        return self._lines("children")

    def _lines(self, name: str) -> list[str]:
        file = self.folder / name
        return file.read_text().splitlines() if file.exists() else []


def install_from_environment() -> None:
    """In a child process: note what it was started with, and pretend the internet to it."""
    import urllib3.util.connection

    folder = Path(os.environ[VARIABLE])
    known = json.loads((folder / "map.json").read_text())
    resolve, connect = socket.getaddrinfo, urllib3.util.connection.create_connection

    def note(name: str, line: str) -> None:
        with (folder / name).open("a") as file:
            file.write(line + "\n")

    def getaddrinfo(host: str, port: int, *arguments: Any, **options: Any) -> list[Any]:
        if host not in known["names"]:
            return resolve(host, port, *arguments, **options)
        answers = known["names"][host]
        addresses = answers.pop(0) if len(answers) > 1 else answers[0]
        return [entry for address in addresses for entry in resolve(address, port, type=socket.SOCK_STREAM)]

    def create_connection(address: tuple[str, int], *arguments: Any, **options: Any) -> socket.socket:
        host = address[0].strip("[]")
        note("connected", host)
        if host not in known["servers"]:
            raise ConnectionRefusedError(111, "refused")
        return connect(("127.0.0.1", known["servers"][host]), *arguments, **options)

    note("children", json.dumps([sys.argv, dict(os.environ)]))
    socket.getaddrinfo = getaddrinfo  # type: ignore[assignment]
    urllib3.util.connection.create_connection = create_connection
