"""What a presigned PUT must bring along, by how the stores' own libraries sign."""

from __future__ import annotations

import pytest

from splatworker.deliver.put_headers import check_put_headers, put_headers, unknown_header, with_a_checksum
from splatworker.errors import InvalidJob

URL = "https://a.example/k?"
AZURE = URL + "sv=2024-11-04&se=2099-01-01&sr=b&sp=cw&sig=x"
UNSIGNED = "UNSIGNED-PAYLOAD"


@pytest.mark.parametrize(
    ("url", "headers"),
    [
        (URL, {}),
        (URL + "X-Amz-SignedHeaders=host", {}),
        (URL + "X-Amz-SignedHeaders=content-type%3Bhost", {"content-type": "application/octet-stream"}),
        (URL + "X-Goog-SignedHeaders=content-type%3Bhost", {"content-type": "application/octet-stream"}),
        (URL + "X-Amz-SignedHeaders=host;x-amz-content-sha256", {"x-amz-content-sha256": UNSIGNED}),
        (URL + "X-Goog-SignedHeaders=host;x-goog-content-sha256", {"x-goog-content-sha256": UNSIGNED}),
        (URL + "X-Amz-SignedHeaders=content-length;host", {}),
        (AZURE, {"x-ms-blob-type": "BlockBlob"}),
    ],
)
def test_what_is_sent(url: str, headers: dict[str, str]) -> None:
    assert put_headers(url) == headers
    assert unknown_header(url) is None
    check_put_headers(url, "upload_url")


@pytest.mark.parametrize("header", ["x-amz-acl", "x-amz-checksum-crc32", "x-goog-acl", "content-md5", "if-none-match"])
@pytest.mark.parametrize("scheme", ["Amz", "Goog"])
def test_what_nobody_told_us_is_refused_by_field_and_header(header: str, scheme: str) -> None:
    with pytest.raises(InvalidJob, match=f"'outputs.sog'.*'{header}'"):
        check_put_headers(f"{URL}X-{scheme}-SignedHeaders=host%3B{header}", "outputs.sog")


def test_a_headers_name_that_is_none_is_shown_harmless() -> None:
    with pytest.raises(InvalidJob) as refused:
        check_put_headers(URL + "X-Amz-SignedHeaders=host%3Bevil%1b%0a" + "x" * 5000, "upload_url")
    assert refused.value.message.isprintable()
    assert len(refused.value.message) < 200


def test_a_checksum_that_was_signed_along() -> None:
    assert with_a_checksum(URL + "X-Amz-SignedHeaders=host&x-amz-checksum-crc32=AAAAAA%3D%3D")
    assert not with_a_checksum(URL + "X-Amz-SignedHeaders=host")
