"""A store on loopback that really checks presigned URLs (AWS Signature Version 4), photos and webhooks beside it.

botocore's own signer computes what each signature should be; a tampered, expired or differently used URL gets the 403
that S3 and R2 give.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qsl, urlencode, urlsplit

import boto3
from botocore.auth import S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials

ACCESS_KEY = "AKIDEXAMPLE"
SECRET_KEY = "the-secret-key-of-the-tests"
BUCKET = "splats"


@lru_cache(maxsize=16)
def _client(url: str) -> Any:
    """boto3's client of the store at that address; making one takes longer than signing a hundred URLs."""
    return boto3.client(
        "s3",
        endpoint_url=url,
        region_name="auto",
        aws_access_key_id=ACCESS_KEY,
        aws_secret_access_key=SECRET_KEY,
        config=Config(signature_version="s3v4", s3={"addressing_style": "path"}),
    )


class Store:
    """Serves `/photos/NAME` from a folder, presigned GET and PUT of `/splats/KEY`, and webhooks under `/hook`."""

    def __init__(self, photos: Path | None = None) -> None:
        self.objects: dict[str, bytes] = {}
        self.puts: list[str] = []
        self.hooks: list[tuple[dict[str, str], dict[str, Any]]] = []
        self.intercept: Callable[[BaseHTTPRequestHandler, bytes], bool] = lambda request, body: False
        self._photos = photos
        self._lock = threading.Lock()
        store = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *arguments: object) -> None:
                pass

            def do_GET(self) -> None:
                store._get(self)

            def do_PUT(self) -> None:
                store._put(self)

            def do_POST(self) -> None:
                store._post(self)

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def presign(self, method: str, key: str, seconds: int = 7200, headers: dict[str, str] | None = None) -> str:
        """A presigned URL, made by boto3 as users make it."""
        operation = {"GET": "get_object", "PUT": "put_object"}[method]
        params = {"Bucket": BUCKET, "Key": key, **(headers or {})}
        return str(_client(self.url).generate_presigned_url(operation, params, ExpiresIn=seconds))

    def photo_urls(self, names: list[str]) -> list[str]:
        return [f"{self.url}/photos/{name}" for name in names]

    def hook_url(self) -> str:
        return f"{self.url}/hook?token=hook-secret"

    def statuses(self) -> list[str]:
        return [message["status"] for _, message in self.hooks]

    def _get(self, request: BaseHTTPRequestHandler) -> None:
        if self.intercept(request, b""):
            return
        path = urlsplit(request.path).path
        if path.startswith("/photos/") and self._photos is not None:
            file = self._photos / path.removeprefix("/photos/")
            if file.is_file():
                _answer(request, 200, file.read_bytes())
            else:
                _answer(request, 404)
        elif (trouble := _check_signature(request, self.url)) is not None:
            _answer(request, 403, trouble)
        else:
            key = path.removeprefix(f"/{BUCKET}/")
            _answer(request, 200 if key in self.objects else 404, self.objects.get(key, b""))

    def _put(self, request: BaseHTTPRequestHandler) -> None:
        if "Content-Length" not in request.headers:
            _answer(request, 411)
            return
        body = request.rfile.read(int(request.headers["Content-Length"]))
        if self.intercept(request, body):
            return
        if (trouble := _check_signature(request, self.url)) is not None:
            _answer(request, 403, trouble)
            return
        key = urlsplit(request.path).path.removeprefix(f"/{BUCKET}/")
        with self._lock:
            self.objects[key] = body
            self.puts.append(key)
        _answer(request, 200, b"", ETag=f'"{hashlib.md5(body).hexdigest()}"')

    def _post(self, request: BaseHTTPRequestHandler) -> None:
        body = request.rfile.read(int(request.headers.get("Content-Length", 0)))
        if self.intercept(request, body):
            return
        with self._lock:
            self.hooks.append(({name.lower(): value for name, value in request.headers.items()}, json.loads(body)))
        _answer(request, 200)


def _answer(request: BaseHTTPRequestHandler, status: int, body: bytes = b"", **headers: str) -> None:
    request.send_response(status)
    request.send_header("Content-Length", str(len(body)))
    for name, value in headers.items():
        request.send_header(name, value)
    request.end_headers()
    request.wfile.write(body)


def _check_signature(request: BaseHTTPRequestHandler, base: str) -> bytes | None:
    """What is wrong with a presigned request, as S3 says it; None if nothing is."""
    parts = urlsplit(request.path)
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    given = query.pop("X-Amz-Signature", "")
    try:
        signed_at = datetime.strptime(query["X-Amz-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        expires = signed_at + timedelta(seconds=int(query["X-Amz-Expires"]))
        scope = query["X-Amz-Credential"].split("/")
        names = query["X-Amz-SignedHeaders"].split(";")
    except (KeyError, ValueError):
        return b"<Error><Code>AccessDenied</Code></Error>"
    headers = {name: request.headers.get(name, "") for name in names}
    url = f"{base}{parts.path}?{urlencode(sorted(query.items()))}"
    signer = S3SigV4QueryAuth(Credentials(ACCESS_KEY, SECRET_KEY), "s3", scope[2])
    aws = AWSRequest(method=request.command, url=url, headers=headers)
    aws.context["timestamp"] = query["X-Amz-Date"]
    # X-Amz-* stand in the query, and of the headers only the signed ones count.
    canonical = signer.canonical_request(aws)
    expected = signer.signature(signer.string_to_sign(aws, canonical), aws)
    if scope[0] != ACCESS_KEY or not hmac.compare_digest(expected, given):
        return b"<Error><Code>SignatureDoesNotMatch</Code></Error>"
    if datetime.now(UTC) > expires:
        return b"<Error><Code>ExpiredRequest</Code></Error>"
    return None
