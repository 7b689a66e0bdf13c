"""Small files of an archive, and the ways in which they cannot be had."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from plugins.module_utils.image_build.fetch import fetch, without_credentials
from plugins.module_utils.image_build.provider import BuildError
from twin.rpm.server import Mirror


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "key.asc").write_bytes(b"0123456789")
    return tmp_path


def test_a_file_is_read_over_http_and_from_the_builder(place: Path) -> None:
    with Mirror(place) as mirror:
        assert fetch(f"{mirror.url}/key.asc", "", 10) == b"0123456789"
    assert fetch((place / "key.asc").as_uri(), "", 10) == b"0123456789"


def test_a_proxy_is_asked_when_there_is_one(place: Path) -> None:
    with Mirror(place) as proxy:
        assert fetch("http://packages.invalid/key.asc", proxy.url, 10) == b"0123456789"
    assert proxy.asked == ["http://packages.invalid/key.asc"]


@pytest.mark.parametrize(
    ("path", "reason"),
    [("/key.asc", "larger than 9 bytes"), ("/absent", "404"), ("/half", "only to byte 4 of 8")],
)
def test_what_is_not_the_file_meant_is_refused(place: Path, path: str, reason: str) -> None:
    (place / "half").write_bytes(b"01234567")
    with Mirror(place, cut={"half"}) as mirror, pytest.raises(BuildError, match=reason) as caught:
        fetch(f"{mirror.url}{path}", "", 9)
    assert path in str(caught.value)


def test_without_a_network_the_address_and_the_remedy_are_named() -> None:
    with pytest.raises(BuildError, match=re.escape("cannot read http://nonsuch.invalid/k: ")) as no:
        fetch("http://user:secret@nonsuch.invalid/k", "", 9)
    assert "check the network, node_image_proxy and the mirror" in str(no.value)
    assert "secret" not in str(no.value)
    with pytest.raises(BuildError, match="not an address"):
        fetch("ftp://a.example/k", "", 9)


def test_a_user_and_password_in_the_address_are_sent(place: Path) -> None:
    with Mirror(place) as mirror:
        address = mirror.url.replace("http://", "http://user:p%40ss@")
        assert fetch(f"{address}/key.asc", "", 10) == b"0123456789"
    assert mirror.authorizations == ["Basic dXNlcjpwQHNz"]


def test_credentials_are_left_out_of_what_is_shown() -> None:
    assert without_credentials("https://u:p@a.example:8/b?c") == "https://a.example:8/b?c"
    assert without_credentials("https://a.example/b") == "https://a.example/b"
