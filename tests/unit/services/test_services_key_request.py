"""Requests for a host certificate: what is taken of what anybody may send."""

from __future__ import annotations

import base64
import contextlib
import re

import pytest
from asking import NODE, key, request
from hypothesis import given
from hypothesis import strategies as st

from host_key_request import Request, certificate_in, parse_request
from node_words import MalformedError


def test_a_request_is_read() -> None:
    assert parse_request(request(5)) == Request(NODE.mac, key(5))
    assert parse_request(request(5) + b"\n") == Request(NODE.mac, key(5))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ((b"picluster/1", b"picluster/2"), "does not begin with"),
        ((b"hostkey", b"hostkeys"), "does not begin with"),
        ((b"b8:", b"B8:"), "not a MAC address"),
        ((b" key=", b"  key="), "not an ed25519 public key"),
        ((b" key=", b" x=1 key="), "not an ed25519 public key"),
        ((b"ssh-ed25519 ", b"ssh-rsa "), "not an ed25519 public key"),
        ((b"ssh-ed25519 ", b"ssh-ed25519  "), "not an ed25519 public key"),
        ((b"AAAAC3Nz", b"AAAAC3N"), "not an ed25519 public key"),
        ((b"AAAAC3Nz", b"AAAAC3NzA"), "not an ed25519 public key"),
        ((b"AAAAC3Nz", b"AAAAC3N="), "not an ed25519 public key"),
        ((b"AAAAC3Nz", b"AAAAC3Ny"), "not an ed25519 public key"),
        ((b"AAAAC3Nz", b"-oProxyC"), "not an ed25519 public key"),
        ((b"ssh-ed25519 ", b"ssh-ed25519 " + b"A" * 500), "longer than 512 bytes"),
        ((b"ssh-ed25519 ", b"ssh-ed25519\n"), "not printable ASCII"),
    ],
)
def test_anything_else_is_refused(change: tuple[bytes, bytes], said: str) -> None:
    assert request().count(change[0]) == 1
    with pytest.raises(MalformedError, match=re.escape(said)):
        parse_request(request().replace(*change))


@pytest.mark.parametrize("tail", [b" comment", b"\n\n", b"\x00", b" ", b"="])
def test_nothing_may_follow_a_key(tail: bytes) -> None:
    with pytest.raises(MalformedError):
        parse_request(request() + tail)


@given(st.binary(max_size=600))
def test_no_bytes_do_harm(datagram: bytes) -> None:
    with contextlib.suppress(MalformedError):
        parse_request(datagram)


@given(st.data())
def test_what_passes_is_plain(data: st.DataObject) -> None:
    datagram = bytearray(request(7))
    for _ in range(data.draw(st.integers(1, 4))):
        datagram[data.draw(st.integers(0, len(datagram) - 1))] = data.draw(st.integers(0, 255))
    try:
        found = parse_request(bytes(datagram))
    except MalformedError as error:
        found = Request("b8:27:eb:00:00:00", key())
        said = str(error)
    else:
        said = ""
    assert said.isascii()
    assert said.isprintable()
    assert re.fullmatch(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}", found.mac)
    assert len(base64.b64decode(found.key, validate=True)) == 51


@pytest.mark.parametrize("text", ["", "ssh-ed25519 AAAA", "x ssh-ed25519-cert-v01@openssh.com AA"])
def test_what_ssh_keygen_wrote_is_looked_at(text: str) -> None:
    with pytest.raises(ValueError, match="not a certificate"):
        certificate_in(text)
