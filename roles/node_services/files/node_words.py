"""Text of datagrams and of lines in the journal: printable ASCII, never more.

A line of the journal is words with one blank between them. What may hold a blank is
percent-encoded, so splitting at blanks is all it takes to read a line.
"""

from __future__ import annotations

import re
from urllib.parse import quote, unquote_to_bytes

#: What :func:`encoded` leaves as it is, beside letters, digits and ``-._~``.
_PLAIN = "/:"
_ENCODED = re.compile(r"(?:[A-Za-z0-9._~/:-]|%[0-9A-Fa-f]{2})*", re.ASCII)
_PRINTABLE = re.compile(rb"[ -~]*")


class MalformedError(ValueError):
    """A datagram that is not what it should be; the message says why, in printable ASCII."""


def plain_text(datagram: bytes, limit: int) -> str:
    """The text of a datagram without the newline some senders put at its end.

    Raises:
        MalformedError: longer than ``limit`` bytes, or something that is not printable ASCII.
    """
    if len(datagram) > limit:
        raise MalformedError(f"longer than {limit} bytes")
    if datagram.endswith(b"\n"):
        datagram = datagram[:-1]
    if not _PRINTABLE.fullmatch(datagram):
        raise MalformedError("not printable ASCII")
    return datagram.decode("ascii")


def decoded(text: str, limit: int) -> str:
    """Undo percent-encoding.

    Args:
        text: letters, digits, ``-._~/:`` and ``%`` with two hex digits.
        limit: most characters the result may have.

    Raises:
        MalformedError: other characters, or a result that is longer or not printable ASCII.
    """
    if not _ENCODED.fullmatch(text):
        raise MalformedError(f"not percent-encoded: {shown(text)}")
    found = unquote_to_bytes(text)
    if not _PRINTABLE.fullmatch(found):
        raise MalformedError(f"not printable ASCII when decoded: {shown(text)}")
    if len(found) > limit:
        raise MalformedError(f"longer than {limit} characters when decoded")
    return found.decode("ascii")


def encoded(text: str) -> str:
    """Percent-encode text so that it is one word; :func:`decoded` undoes it."""
    return quote(text, safe=_PLAIN)


def shown(text: str) -> str:
    """A value from outside for a message: quoted, escaped, at most 40 characters."""
    quoted = ascii(text)
    return quoted if len(quoted) <= 40 else f"{quoted[:37]}..."
