"""A BOINC project: a master page, a scheduler that hands out work, and a place for results.

``python -m twin.devices.boinc_project ADDRESS PORT`` serves until it is killed. Work units count
primes; the application is a shell script, signed with a key that the project makes when it starts.
GET ``/state`` gives, as JSON, the hosts that asked and the answers that were uploaded.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa

#: The application: counts primes from its first argument up to its second.
APPLICATION = b"""#!/bin/sh
number=$1 found=0
while [ "$number" -lt "$2" ]; do
    divisor=2
    while [ $((divisor * divisor)) -le "$number" ] && [ $((number % divisor)) -ne 0 ]; do
        divisor=$((divisor + 1))
    done
    [ $((divisor * divisor)) -le "$number" ] || [ "$number" -lt 2 ] || found=$((found + 1))
    number=$((number + 1))
done
echo "$found" > out
: > boinc_finish_called
"""
_FILE = "primes_1.sh"
_BITS = 1024
_MOST = 1 << 20
_STEP = 1000
_KEY = "twin"


def hex_lines(data: bytes) -> str:
    """Bytes as BOINC writes them: 32 a line, a dot at the end."""
    lines = [data[at : at + 32].hex() for at in range(0, len(data), 32)]
    return "\n".join([*lines, ".", ""])


class SigningKey:
    """A project's key for what it lets clients run."""

    def __init__(self) -> None:
        self._key = rsa.generate_private_key(65537, _BITS).private_numbers()

    @property
    def public(self) -> str:
        """Its public half, as ``<code_sign_key>`` holds it."""
        size, numbers = _BITS // 8, self._key.public_numbers
        parts = numbers.n.to_bytes(size, "big"), numbers.e.to_bytes(size, "big")
        return f"{_BITS}\n{hex_lines(b''.join(parts))}"

    def sign(self, content: bytes) -> str:
        """A signature of a file, as ``<file_signature>`` holds it: of its MD5 in hex digits."""
        size, digest = _BITS // 8, _md5(content).encode()
        padded = b"\0\1" + b"\xff" * (size - 3 - len(digest)) + b"\0" + digest
        found = pow(int.from_bytes(padded, "big"), self._key.d, self._key.public_numbers.n)
        return hex_lines(found.to_bytes(size, "big"))


def _md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


class Project:
    """What the project knows.

    Args:
        url: its master URL, with a slash at the end.
        key: account key that it lets in.
    """

    def __init__(self, url: str, key: str = _KEY) -> None:
        self.url = url
        self.key = key
        self.hosts: dict[str, int] = {}
        self.answers: dict[str, str] = {}
        self._signing = SigningKey()
        self._units = 0
        self._lock = threading.Lock()

    def reply(self, request: str) -> str:
        """The scheduler's answer to a request."""
        if _tag(request, "authenticator") != self.key:
            why = '<message priority="high">Invalid or missing account key</message>'
            return f"<scheduler_reply>{why}<request_delay>60</request_delay></scheduler_reply>"
        with self._lock:
            name = _tag(request, "domain_name") or "unnamed"
            host = self.hosts.setdefault(name, len(self.hosts) + 1)
            wants = float(_tag(request, "work_req_seconds") or 0) > 0
            platform = _tag(request, "platform_name")
            work = self._work(platform) if wants and platform else ""
            done = re.findall(r"<result>\s*<name>(wu_\d{1,9}_0)</name>", request)
            taken = "".join(f"<result_ack><name>{one}</name></result_ack>" for one in done)
        known = "<code_sign_key>" in request
        key = "" if known else f"<code_sign_key>\n{self._signing.public}</code_sign_key>"
        return (
            "<scheduler_reply><scheduler_version>720</scheduler_version>"
            f"<master_url>{self.url}</master_url><request_delay>2</request_delay>"
            "<project_name>Twin</project_name><userid>1</userid><user_name>twin</user_name>"
            f"<hostid>{host}</hostid>{key}{taken}{work}</scheduler_reply>"
        )

    def _work(self, platform: str) -> str:
        self._units += 1
        unit, first = f"wu_{self._units}", (self._units - 1) * _STEP
        out = f"{unit}_0_out"
        return (
            "<app><name>primes</name><user_friendly_name>Primes</user_friendly_name></app>"
            f"<file_info><name>{_FILE}</name><url>{self.url}{_FILE}</url><executable/>"
            f"<file_signature>\n{self._signing.sign(APPLICATION)}</file_signature>"
            f"<md5_cksum>{_md5(APPLICATION)}</md5_cksum><nbytes>{len(APPLICATION)}</nbytes>"
            "</file_info>"
            f"<app_version><app_name>primes</app_name><version_num>1</version_num>"
            f"<platform>{platform}</platform><file_ref><file_name>{_FILE}</file_name>"
            "<main_program/></file_ref></app_version>"
            f"<file_info><name>{out}</name><generated_locally/><upload_when_present/>"
            f"<max_nbytes>1000</max_nbytes><upload_url>{self.url}upload</upload_url></file_info>"
            f"<workunit><name>{unit}</name><app_name>primes</app_name><version_num>1</version_num>"
            f"<command_line>{first} {first + _STEP}</command_line>"
            "<rsc_fpops_est>1e9</rsc_fpops_est><rsc_fpops_bound>1e15</rsc_fpops_bound>"
            "<rsc_memory_bound>1e7</rsc_memory_bound><rsc_disk_bound>1e7</rsc_disk_bound></workunit>"
            f"<result><name>{unit}_0</name><wu_name>{unit}</wu_name><platform>{platform}</platform>"
            f"<version_num>1</version_num><report_deadline>{time.time() + 86400:.0f}"
            f"</report_deadline><file_ref><file_name>{out}</file_name><open_name>out</open_name>"
            "<copy_file/></file_ref></result>"
        )

    def upload(self, body: bytes) -> str:
        """Take a file in."""
        head, mark, data = body.partition(b"<data>\n")
        name = _tag(head.decode("utf-8", "replace"), "name")
        if mark and re.fullmatch(r"wu_\d{1,9}_0_out", name):
            with self._lock:
                self.answers[name] = data[:100].decode("ascii", "replace").strip()
        return "<data_server_reply><status>0</status><file_size>0</file_size></data_server_reply>"

    def state(self) -> dict[str, Any]:
        """The hosts that asked, and answers by name of the uploaded file."""
        with self._lock:
            return {"hosts": sorted(self.hosts), "answers": dict(self.answers)}


def _tag(text: str, name: str) -> str:
    found = re.search(rf"<{name}>([^<>]{{0,200}})</{name}>", text)
    return found[1].strip() if found else ""


class _Handler(BaseHTTPRequestHandler):
    server: ProjectServer

    def do_GET(self) -> None:
        """Master page, application, state."""
        project = self.server.project
        if self.path.endswith(_FILE):
            self._give(APPLICATION, "application/octet-stream")
        elif self.path == "/state":
            self._give(json.dumps(project.state()).encode(), "application/json")
        else:
            text = f"<html><!-- <scheduler>{project.url}scheduler</scheduler> --></html>\n"
            self._give(text.encode(), "text/html")

    def do_POST(self) -> None:
        """A question to the scheduler, or a file."""
        body = self.rfile.read(min(int(self.headers.get("Content-Length") or 0), _MOST))
        project = self.server.project
        if self.path.endswith("upload"):
            self._give(project.upload(body).encode(), "text/xml")
        else:
            self._give(project.reply(body.decode("utf-8", "replace")).encode(), "text/xml")

    def _give(self, content: bytes, kind: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Nobody reads it."""


class ProjectServer(ThreadingHTTPServer):
    """The project's web server.

    Args:
        address: where it listens, dotted quad.
        port: its TCP port.
    """

    daemon_threads = True

    def __init__(self, address: str, port: int) -> None:
        super().__init__((address, port), _Handler)
        self.project = Project(f"http://{address}:{self.server_port}/")


def main() -> int:
    """Serve until the process is killed."""
    address, port = sys.argv[1:]
    ProjectServer(address, int(port)).serve_forever()
    return 0


if __name__ == "__main__":
    sys.exit(main())
