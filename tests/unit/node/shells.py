"""Run functions of the node's shell programs, with stand-ins for the programs they call."""

from __future__ import annotations

import os
import shlex
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

FILES = Path(__file__).parents[3] / "roles" / "node_image" / "files"
DRACUT = FILES / "dracut" / "90picluster"
LIBEXEC = FILES / "guest" / "usr" / "libexec" / "picluster"
#: Variables init sets before it calls anything.
INIT_VARIABLES = {"SERVER": "", "SYSLOGD": "", "MAC": "", "BOOT_ID": "", "OVERLAY": "on"}


class Place:
    """A directory with a kernel command line, an uptime, and stand-ins for programs."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.programs = path / "bin"
        self.programs.mkdir()
        self.run_dir = path / "run"
        self.run_dir.mkdir()
        self.root = path / "sysroot"
        self.root.mkdir()
        self.console = path / "console"
        self.calls = path / "calls"
        self.calls.touch()
        self.console.touch()
        self.cmdline = path / "cmdline"
        self.boot_with("")
        self.uptime = path / "uptime"
        self.uptime.write_text("12.34 40.00\n")

    def boot_with(self, words: str) -> None:
        """Set the kernel command line."""
        self.cmdline.write_text(words + "\n")

    def program(self, name: str, script: str = "") -> None:
        """Put a stand-in for a program first in the path; it notes how it was called."""
        file = self.programs / name
        calls = shlex.quote(str(self.calls))
        file.write_text(f'#!/bin/sh\necho "{name} $*" >> {calls}\n{script}\n')
        file.chmod(0o755)

    def called(self) -> list[str]:
        """How the stand-ins were called, in order."""
        return self.calls.read_text().splitlines()

    def environment(self, extra: Mapping[str, str]) -> dict[str, str]:
        """Environment of a program under test."""
        return {
            "PATH": f"{self.programs}:{os.environ['PATH']}",
            "LC_ALL": "C",
            "PICLUSTER_CMDLINE": str(self.cmdline),
            "PICLUSTER_UPTIME": str(self.uptime),
            "PICLUSTER_LIBRARY": str(DRACUT / "lib"),
            "PICLUSTER_RUN": str(self.run_dir),
            "PICLUSTER_LIBEXEC": str(LIBEXEC),
            **extra,
        }

    def init(self, script: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run a script with init's functions and variables, in the machine's plain shell."""
        names = ("words", "report", "network", "identity", "root")
        sources = "".join(f". {DRACUT}/lib/{name}.sh\n" for name in names)
        values = {
            **INIT_VARIABLES,
            "KMSG": str(self.console),
            "SYSRQ": str(self.path / "sysrq"),
            "RUN": str(self.run_dir),
            "ROOT": str(self.root),
            **variables,
        }
        words = "".join(f"{name}={shlex.quote(value)}\n" for name, value in values.items())
        return self.execute(["sh", "-c", words + sources + script])

    def execute(
        self, command: list[str], timeout_s: float = 30, **extra: str
    ) -> subprocess.CompletedProcess[str]:
        """Run a command in the place's environment."""
        return subprocess.run(
            command,
            env=self.environment(extra),
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )
