"""Orders to a live twin from other processes: one JSON object each way over a Unix socket."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import socketserver
import subprocess
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from picluster.errors import PiclusterError, os_errors, refusal
from twin.cluster.wishes import FAULTS, PDU_MODES, UNPLUGGED

if TYPE_CHECKING:
    from twin.cluster.twin import LiveTwin

_LIMIT_S = 120.0
#: What can be told to other things than boards.
BANK_WORDS = (UNPLUGGED, "plugged", "switch-reboots")
HEAD_WORD = "restarts"
#: Nothing is wrong any more.
WELL = "well"


def socket_path(name: str) -> Path:
    """Where the twin of a name listens; short, whatever the build directory is."""
    return Path("/run") / f"picluster-{name}-twin.sock"


def carry_out(twin: LiveTwin, order: dict[str, Any]) -> dict[str, Any]:
    """Do what an order says.

    Args:
        twin: the twin, up.
        order: ``{"do": "truth"}``, ``{"do": "power", "names": [...], "on": true}`` or
            ``{"do": "strike", "name": "pi-1-7", "fault": "panic"}``.

    Raises:
        PiclusterError: it knows no such board, bank, PDU or fault.
    """
    if order["do"] == "power":
        names = [name for word in order["names"] for name in _boards(twin, word)]
        twin.power(names, on=bool(order["on"]))
        return {"boards": len(names)}
    if order["do"] == "strike":
        strike(twin, order["name"], order["fault"])
        return {}
    return {"boards": twin.truth.plain()}


def _boards(twin: LiveTwin, word: str) -> list[str]:
    found = twin.banks.of_bank(_bank(word)) if word.startswith("bank_") else [word]
    if not found or any(name not in twin.truth.boards() for name in found):
        raise refusal(f"no board or bank {word!a} in this twin", "pi-1-7, bank_1")
    return found


def _bank(word: str) -> int:
    digits = word.removeprefix("bank_")
    return int(digits) if digits.isdigit() else -1


def strike(twin: LiveTwin, name: str, fault: str) -> None:
    """Let something go wrong, or (``well``) well again, by its name."""
    if name == twin.head.host and fault == HEAD_WORD:
        restart_head(twin)
    elif name.startswith("bank_") and fault in BANK_WORDS:
        if fault == "switch-reboots":
            twin.banks.reboot_switch(_bank(name))
        else:
            twin.banks.plug(_bank(name), plugged=fault != UNPLUGGED)
    elif name in twin.pdus.devices and (fault == WELL or fault in PDU_MODES):
        if not twin.pdus.behave(name, PDU_MODES.get(fault)):
            raise refusal(f"{name} always behaves", "only synaccess PDUs by telnet do not")
    elif fault == WELL or fault in FAULTS:
        twin.banks.strike(name, FAULTS.get(fault))
    else:
        known = ", ".join([*FAULTS, *PDU_MODES, *BANK_WORDS, HEAD_WORD, WELL])
        raise refusal(f"no fault {fault!a} of {name!a}", f"there are {known}")


def restart_head(twin: LiveTwin) -> None:
    """Restart the head as after a power failure: its system begins anew, its disks stay."""
    container = twin.head.places.container
    for verb in (("kill",), ("start",)):
        subprocess.run(
            ["podman", "--runtime", "runc", *verb, container],
            check=True, capture_output=True, timeout=60,
        )  # fmt: skip


class _Handler(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        twin: LiveTwin = self.server.twin  # type: ignore[attr-defined]
        try:
            answer = {"ok": carry_out(twin, json.loads(self.rfile.readline()))}
        except (PiclusterError, subprocess.SubprocessError, ValueError, KeyError) as error:
            answer = {"error": {"text": str(error)}}
        with contextlib.suppress(OSError):
            self.wfile.write(json.dumps(answer).encode() + b"\n")


class ControlServer:
    """Listens while the context lasts."""

    def __init__(self, twin: LiveTwin) -> None:
        self._path = socket_path(twin.head.name)
        self._twin = twin
        self._server: socketserver.ThreadingUnixStreamServer | None = None

    def __enter__(self) -> Self:
        self._path.unlink(missing_ok=True)
        old = os.umask(0o077)
        try:
            with os_errors("listen for orders", self._path):
                server = socketserver.ThreadingUnixStreamServer(str(self._path), _Handler)
        finally:
            os.umask(old)
        server.daemon_threads = True
        server.twin = self._twin  # type: ignore[attr-defined]
        self._server = server
        threading.Thread(target=server.serve_forever, name="control", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
        self._path.unlink(missing_ok=True)


def ask(name: str, order: dict[str, Any]) -> dict[str, Any]:
    """Give an order to the twin of a name.

    Raises:
        PiclusterError: none runs, or it refuses.
    """
    path = socket_path(name)
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(_LIMIT_S)
        try:
            sock.connect(str(path))
            sock.sendall(json.dumps(order).encode() + b"\n")
            text = sock.makefile("rb").readline()
        except OSError as error:
            raise refusal(f"no twin {name!a} runs: {error}", "python -m twin.cluster up") from error
    answer: dict[str, Any] = json.loads(text or b'{"error": {"text": "it ended"}}')
    if "error" in answer:
        raise refusal(answer["error"]["text"])
    found: dict[str, Any] = answer["ok"]
    return found
