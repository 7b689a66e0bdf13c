"""Runs the command as a user does, and writes the sources it reads."""

import io
import os
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from subprocess import CompletedProcess
from unittest.mock import patch

from picluster.cli import main

A, B, C = (f"b8:27:eb:00:00:0{digit}" for digit in "abc")

STAMP = "2026-01-31T12:00:00Z"
_NOON = 1769860800


def picluster(*words: object, stdin: str = "") -> CompletedProcess[str]:
    """What the command prints and its exit status, without the cost of a new process."""
    out, err = io.StringIO(), io.StringIO()
    text = io.TextIOWrapper(io.BytesIO(stdin.encode()))
    with redirect_stdout(out), redirect_stderr(err), patch.object(sys, "stdin", text):
        try:
            status = main([str(word) for word in words])
        except SystemExit as end:
            status = int(end.code or 0)
    return CompletedProcess(words, status, out.getvalue(), err.getvalue())


def fdb(folder: Path, name: str, rows: dict[str, int]) -> Path:
    """A table of ``swctrl mac show``, port of each MAC address, saved at noon."""
    lines = [
        "US.v4.3.21# swctrl mac show",
        " Port  VLAN  MAC-Address        Age  Type",
        " ----  ----  -----------------  ---  ------",
        *(f"{port:5}     1  {mac}   10  Learned" for mac, port in rows.items()),
        f"Total number of entries: {len(rows)}",
    ]
    path = folder / name
    path.write_text("\n".join(lines) + "\n")
    os.utime(path, (_NOON, _NOON))
    return path


def offers(folder: Path, rows: dict[str, str], host: str = "") -> Path:
    """A dhcpd log with an OFFER of each address."""
    named = f" ({host})" if host else ""
    lines = [
        f"2026-01-31T12:00:0{second}+00:00 head dhcpd[99]: DHCPOFFER on {address} to {mac}{named} "
        "via eth1"
        for second, (mac, address) in enumerate(rows.items())
    ]
    path = folder / "dhcpd.log"
    path.write_text("\n".join(lines) + "\n")
    return path
