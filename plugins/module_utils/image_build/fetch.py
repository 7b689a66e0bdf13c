# SPDX-License-Identifier: GPL-3.0-or-later
"""Read a small file from an archive."""

from __future__ import annotations

import base64
import http.client
import urllib.parse
import urllib.request

from .provider import BuildError

TIMEOUT_S = 30
SCHEMES = ("http", "https", "file")


def fetch(address: str, proxy: str, limit: int) -> bytes:
    """Read a file.

    Args:
        address: URL with http, https or file.
        proxy: URL of the proxy for http and https; empty takes the environment's, if any.
        limit: most bytes it may have.

    Raises:
        BuildError: it cannot be read or is larger.
    """
    shown = without_credentials(address)
    if urllib.parse.urlsplit(address).scheme not in SCHEMES:
        raise BuildError(f"not an address with {', '.join(SCHEMES)}: {shown}")
    handlers = [urllib.request.ProxyHandler(dict.fromkeys(SCHEMES[:2], proxy))] if proxy else []
    try:
        opener = urllib.request.build_opener(*handlers)
        with opener.open(_request(address), timeout=TIMEOUT_S) as answer:
            data: bytes = answer.read(limit + 1)
            length = int(answer.headers.get("Content-Length") or len(data))
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise BuildError(
            f"cannot read {shown}: {error}; check the network, node_image_proxy and the mirror"
        ) from error
    if len(data) > limit:
        raise BuildError(f"{shown} is larger than {limit} bytes; that is not the file meant")
    if len(data) < length:
        raise BuildError(f"{shown} came only to byte {len(data)} of {length}; try again")
    return data


def _request(address: str) -> urllib.request.Request:
    """Give the request, with the user and password of the address where a server expects them."""
    request = urllib.request.Request(without_credentials(address))  # noqa: S310 - checked above
    user, at, _ = urllib.parse.urlsplit(address).netloc.rpartition("@")
    if at:
        name = urllib.parse.unquote(user).encode()
        request.add_unredirected_header("Authorization", f"Basic {base64.b64encode(name).decode()}")
    return request


def without_credentials(address: str) -> str:
    """Give an address without the user and password it may hold."""
    parts = urllib.parse.urlsplit(address)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
