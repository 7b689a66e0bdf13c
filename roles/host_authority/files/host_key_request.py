"""Requests for a host certificate and their answers, each one datagram of printable ASCII.

A request is ``picluster/1 hostkey mac=b8:27:eb:12:34:56 key=ssh-ed25519 BASE64``; the answer is
``picluster/1 certificate ssh-ed25519-cert-v01@openssh.com BASE64`` or
``picluster/1 refused REASON``.
"""

from __future__ import annotations

import base64
import hashlib
import re
from typing import NamedTuple

from node_plan import MAC
from node_words import MalformedError, plain_text, shown

SIZE_MAX = 512
_START = "picluster/1 hostkey mac="
_KEY = re.compile(r"key=ssh-ed25519 ([A-Za-z0-9+/]{68})", re.ASCII)
#: What comes before the 32 bytes of an ed25519 key (RFC 8709): its name and both lengths.
_KEY_HEADER = b"\x00\x00\x00\x0bssh-ed25519\x00\x00\x00\x20"
_CERTIFICATE = re.compile(r"ssh-ed25519-cert-v01@openssh\.com [A-Za-z0-9+/]+=*", re.ASCII)
#: An answer is not cut into fragments on Ethernet.
_ANSWER_MAX = 1400


class Request(NamedTuple):
    """A request for a certificate.

    Attributes:
        mac: MAC address the sender says is its own, canonical.
        key: public key, 68 characters of base64.
    """

    mac: str
    key: str


def parse_request(datagram: bytes) -> Request:
    """Read a datagram.

    Raises:
        MalformedError: it is anything but a request for an ed25519 key.
    """
    text = plain_text(datagram, SIZE_MAX)
    if not text.startswith(_START):
        raise MalformedError(f"does not begin with {_START}: {shown(text)}")
    mac, _, rest = text[len(_START) :].partition(" ")
    if not MAC.fullmatch(mac):
        raise MalformedError(f"not a MAC address: {shown(mac)}")
    key = _KEY.fullmatch(rest)
    if key is None or not base64.b64decode(key[1]).startswith(_KEY_HEADER):
        raise MalformedError(f"not an ed25519 public key: {shown(rest)}")
    return Request(mac, key[1])


def fingerprint(key: str) -> str:
    """A public key's fingerprint as OpenSSH prints it, ``SHA256:...``."""
    digest = hashlib.sha256(base64.b64decode(key)).digest()
    return "SHA256:" + base64.b64encode(digest).decode("ascii").rstrip("=")


def certificate_in(text: str) -> str:
    """The certificate of a file that ``ssh-keygen`` wrote, without the comment.

    Raises:
        ValueError: there is none, or it does not fit an answer.
    """
    found = _CERTIFICATE.match(text)
    if found is None or len(found[0]) > _ANSWER_MAX:
        raise ValueError(f"not a certificate: {shown(text)}")
    return found[0]


def certificate_answer(certificate: str) -> bytes:
    """The answer that holds a certificate."""
    return f"picluster/1 certificate {certificate}".encode("ascii")


def refusal_answer(reason: str) -> bytes:
    """The answer that says why there is none; ``reason`` is printable ASCII."""
    return f"picluster/1 refused {reason}".encode("ascii")
