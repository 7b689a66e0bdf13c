# SPDX-License-Identifier: GPL-3.0-or-later
"""Follow the output of mmdebstrap, which is that of apt and dpkg, and explain its failures."""

from __future__ import annotations

import re

from .provider import BuildError, Progress

_COUNT = re.compile(r"\d+ upgraded, (\d+) newly installed")
_STAGES = (
    ("get packages", re.compile(r"Get:\d+ \S+ \S+ \S+ (\S+)")),
    ("unpack packages", re.compile(r"Unpacking (\S+)")),
    ("configure packages", re.compile(r"Setting up (\S+)")),
)
# The reason behind apt's words, the first that matches the output.
_REASONS = (
    (r"NO_PUBKEY|EXPKEYSIG|BADSIG|is not signed|could ?n[o']t be verified", "signature"),
    (r"does not have a Release file|404 +Not Found", "missing"),
    (r"Unable to locate package (\S+)|has no installation candidate", "package"),
    (r"No space left on device", "space"),
    (r"Hash Sum mismatch|unexpected size|Connection failed|Connection (?:timed out|refused|reset)"
     r"|Could not (?:connect|resolve|handshake)|Temporary failure resolving|Unable to connect"
     r"|Error reading from server|Failed to fetch|Undetermined Error", "network"),
)  # fmt: skip
_REMEDY = {
    "signature": "the archive is not signed by a key that is trusted here; name its key in "
    "Signed-By of the sources, and install it on the builder",
    "missing": "the archive has no such release; correct node_image_release or the sources",
    "package": "the archive has no such package for arm64; correct node_image_packages",
    "space": "the disk is full; make room where images are built",
    "network": "the archive could not be read to the end; see that it is reached from the "
    "builder, or set node_image_proxy, and run it again: what came is kept",
}


class Follower:
    """Turns lines into stages and counts.

    Attributes:
        errors: lines in which apt, dpkg or mmdebstrap say what went wrong.
    """

    def __init__(self, progress: Progress) -> None:
        self.errors: list[str] = []
        self._progress = progress
        self._expected = self._counted = 0
        self._stage = ""
        self._done: dict[str, int] = {}

    def line(self, text: str) -> None:
        """Take in one line of output."""
        if re.match(r"(?:E|Err|W|dpkg: error.*):", text) or "No space left" in text:
            self.errors.append(text)
        count = _COUNT.match(text)
        if count:
            # The essential packages come first, then all others; apt names a number again when
            # it goes from getting them to installing them.
            if int(count[1]) != self._counted:
                self._counted = int(count[1])
                self._expected += self._counted
            self._stage = ""
        if text.startswith("I: extracting archives"):
            self._stage = "extract packages"
            self._progress.stage(self._stage)
        for stage, pattern in _STAGES:
            found = pattern.match(text)
            if found:
                self._count(stage, found[1])

    def _count(self, stage: str, package: str) -> None:
        if stage == "get packages" and not self._expected:
            stage = "get lists"
        if stage != self._stage:
            self._stage = stage
            self._progress.stage(stage, self._expected if stage != "get lists" else 0)
        self._done[stage] = self._done.get(stage, 0) + 1
        self._progress.step(self._done[stage], package.partition(":")[0])


def explain(what: str, errors: list[str], otherwise: str) -> BuildError:
    """Make one message out of what apt said.

    Args:
        what: what could not be done: ``install Debian bookworm``.
        errors: lines that say why.
        otherwise: why, when there are none.
    """
    text = "\n".join(errors)
    said = next((line for line in errors if line.startswith("E:")), "") or otherwise
    for pattern, reason in _REASONS:
        found = re.search(pattern, text)
        if found:
            shown = next(line for line in errors if re.search(pattern, line))
            return BuildError(f"cannot {what}: {_REMEDY[reason]} ({_clean(shown)})")
    return BuildError(f"cannot {what}: {_clean(said)}")


def _clean(line: str) -> str:
    """Shorten a line, without credentials an address may hold."""
    return re.sub(r"(https?://)[^/\s@]+@", r"\1", line.strip())[:300]
