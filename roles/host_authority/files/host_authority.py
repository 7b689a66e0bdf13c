#!/usr/bin/python3
"""Certifies the host keys of nodes: who asks from an address of the plan gets its certificate.

Run by systemd, which opens the socket.
"""

from __future__ import annotations

import argparse
import os
import sys
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from certificate_desk import Desk, Peer
from host_key_request import (
    SIZE_MAX,
    Request,
    certificate_answer,
    fingerprint,
    parse_request,
    refusal_answer,
)
from host_signer import Signer, SigningError
from inherited_socket import inherited_socket
from node_plan import Node, PlanError, PlanFile
from node_words import MalformedError, encoded
from rate_limit import RefusalLog, RefusedError, TokenBuckets

if TYPE_CHECKING:
    import socket

#: Keys of one address that are signed at once, and per second from then on.
_BURST, _PER_S = 6, 1 / 60
#: Answers that could not be sent, logged at once, and per second from then on.
_FAILURES, _FAILURES_PER_S = 10, 0.1
#: Most processes that sign at once.
_SIGNERS_MAX = 8
# Priorities of syslog, as systemd reads them at the start of a line.
_ERROR, _WARNING, _INFO = "<3>", "<4>", "<6>"
_REASONS = {
    "unknown-address": "this address is not on the plan of this boot server",
    "wrong-mac": "another MAC address is planned for this address",
    "too-many": "too many keys from this address; wait a minute",
    "malformed": "not a request for an ed25519 host key",
}
_CANNOT = "the boot server cannot sign; its journal says why"


def accept(datagram: bytes, address: str, nodes: Mapping[str, Node]) -> tuple[Node, Request]:
    """Decide on a datagram.

    Args:
        datagram: its bytes.
        address: its source, dotted quad.
        nodes: the nodes by address.

    Returns:
        Who asks for what.

    Raises:
        RefusedError: the source is not on the plan, does not own the MAC address it gives, or
            asks for something else.
    """
    node = nodes.get(address)
    if node is None:
        raise RefusedError("unknown-address")
    try:
        request = parse_request(datagram)
    except MalformedError as error:
        raise RefusedError("malformed", node=node.name, reason=str(error)) from error
    if request.mac != node.mac:
        raise RefusedError("wrong-mac", node=node.name, mac=request.mac)
    return node, request


class HostAuthority:
    """The daemon, but for its socket.

    Args:
        plan: the nodes.
        sign: makes a certificate of a node, its key and a serial number, or raises SigningError;
            called from any thread.
        send: sends an answer; called from any thread.
        log: takes a line for the journal; called from any thread.
    """

    def __init__(
        self,
        plan: PlanFile,
        sign: Callable[[Node, str, int], str],
        send: Callable[[bytes, Peer], None],
        log: Callable[[str], None],
    ) -> None:
        self._plan = plan
        self._sign = sign
        self._send = send
        self._log = log
        self._refusals = RefusalLog()
        self._limits = TokenBuckets(_BURST, _PER_S, keys_max=1 << 16)
        self._pool = ThreadPoolExecutor(min(_SIGNERS_MAX, os.cpu_count() or 1))
        self._desk = Desk()
        self._at_desk = threading.Lock()

    def refresh(self, now: float) -> None:
        """Take in a plan that was replaced."""
        try:
            if self._plan.refresh(now):
                self._log(f"{_INFO}plan nodes={len(self._plan.nodes)}")
        except PlanError as error:
            self._log(f"{_ERROR}{error}")

    def take(self, datagram: bytes, peer: Peer, now: float) -> None:
        """Take a datagram in and see to its answer."""
        address = peer[0]
        try:
            node, request = accept(datagram, address, self._plan.nodes)
            self._serve(node, request, peer, now)
        except RefusedError as refused:
            line = self._refusals.line(address, refused, now)
            if line is not None:
                self._log(f"{_WARNING}{line}")
                self._send(refusal_answer(_REASONS[refused.why]), peer)

    def finish(self) -> None:
        """Wait for what is being signed."""
        self._pool.shutdown()

    def _serve(self, node: Node, request: Request, peer: Peer, now: float) -> None:
        """Send the certificate that was made a moment ago, or have one made."""
        with self._at_desk:
            certificate = self._desk.issued(node, request, now)
            if certificate is None and self._desk.join(node, request, peer):
                return
            if certificate is None and not self._limits.allow(node.address, now):
                raise RefusedError("too-many", node=node.name)
            if certificate is None:
                self._desk.begin(node, request, peer)
        if certificate is None:
            self._pool.submit(self._certify, node, request, now)
        else:
            self._send(certificate_answer(certificate), peer)

    def _certify(self, node: Node, request: Request, now: float) -> None:
        """Sign and answer, in a thread."""
        certificate = None
        try:
            certificate = self._signed(node, request)
        finally:
            with self._at_desk:
                peer = self._desk.end(node, certificate, now)
        answer = refusal_answer(_CANNOT) if certificate is None else certificate_answer(certificate)
        self._send(answer, peer)

    def _signed(self, node: Node, request: Request) -> str | None:
        serial = time.time_ns() // 1000
        try:
            certificate = self._sign(node, request.key, serial)
        except SigningError as error:
            self._log(f"{_ERROR}{error}")
            return None
        self._log(
            f"{_INFO}certificate {node.name} {node.address} mac={node.mac} serial={serial}"
            f" key={encoded(fingerprint(request.key))}"
        )
        return certificate


def serve(sock: socket.socket, plan: PlanFile, signer: Signer) -> None:
    """Answer datagrams until the process ends."""
    failures = TokenBuckets(_FAILURES, _FAILURES_PER_S)

    def send(answer: bytes, peer: Peer) -> None:
        try:
            sock.sendto(answer, peer)
        except OSError as error:
            if failures.allow("", time.monotonic()):
                log(f"{_ERROR}cannot answer {peer[0]} port {peer[1]}: {error}")

    authority = HostAuthority(plan, signer.sign, send, log)
    authority.refresh(time.monotonic())
    while True:
        datagram, peer = sock.recvfrom(SIZE_MAX + 1)
        now = time.monotonic()
        authority.refresh(now)
        authority.take(datagram, peer, now)


def log(line: str) -> None:
    """Write a line to standard output, whole: the journal."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main() -> None:
    """Run the daemon."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nodes", type=Path, required=True, help="nodes.csv of this boot server")
    parser.add_argument("--authority", type=Path, required=True, help="private key that signs")
    parser.add_argument("--domain", required=True, help="DNS domain of the nodes")
    parser.add_argument("--days", type=int, required=True, help="how long certificates are valid")
    parser.add_argument("--scratch", type=Path, required=True, help="folder, in memory at best")
    words = parser.parse_args()
    signer = Signer(words.authority, words.domain, words.days, words.scratch)
    serve(inherited_socket(), PlanFile(words.nodes), signer)


if __name__ == "__main__":
    main()
