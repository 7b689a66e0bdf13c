"""Who got which certificate a moment ago, and who waits for one."""

from __future__ import annotations

from typing import NamedTuple

from host_key_request import Request
from node_plan import Node

#: Seconds in which a key that is sent again gets the certificate it has already.
AGAIN_S = 600.0

#: Address and port.
Peer = tuple[str, int]


class _Issued(NamedTuple):
    node: Node
    key: str
    certificate: str
    when: float


class _Waiting(NamedTuple):
    request: Request
    peer: Peer


class Desk:
    """The last certificate of each address, and the request of it that is being signed.

    A node asks again when it has no answer within a second and a half: its key is signed once,
    and the answer goes to the port it asked from last.
    """

    def __init__(self) -> None:
        self._issued: dict[str, _Issued] = {}
        self._waiting: dict[str, _Waiting] = {}

    def issued(self, node: Node, request: Request, now: float) -> str | None:
        """The certificate a node got for this key within the last ten minutes, if it did."""
        last = self._issued.get(node.address)
        if last is None or (last.node, last.key) != (node, request.key):
            return None
        return last.certificate if now < last.when + AGAIN_S else None

    def join(self, node: Node, request: Request, peer: Peer) -> bool:
        """Wait for the signature that is being made, from another port maybe.

        Returns:
            Whether one is being made for this address. Another key has to ask again later.
        """
        waiting = self._waiting.get(node.address)
        if waiting is not None and waiting.request == request:
            self._waiting[node.address] = _Waiting(request, peer)
        return waiting is not None

    def begin(self, node: Node, request: Request, peer: Peer) -> None:
        """Note that a signature is being made."""
        self._waiting[node.address] = _Waiting(request, peer)

    def end(self, node: Node, certificate: str | None, now: float) -> Peer:
        """Note that it is made, or (``None``) that it cannot be.

        Returns:
            Who gets the answer.
        """
        request, peer = self._waiting.pop(node.address)
        if certificate is not None:
            self._issued[node.address] = _Issued(node, request.key, certificate, now)
        return peer
