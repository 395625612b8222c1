"""A job that is well formed, as it is sent."""

from __future__ import annotations

GOOD = {
    "image_urls": [f"https://photos.example/{number}.jpg?X-Amz-Signature=abc" for number in range(6)],
    "upload_url": "https://store.example/a.ply?X-Amz-Signature=def",
}
