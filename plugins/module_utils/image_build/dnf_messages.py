# SPDX-License-Identifier: GPL-3.0-or-later
"""One message with a remedy out of what dnf 4 prints when it fails."""

from __future__ import annotations

import re
from collections.abc import Sequence

KEYS = "node_image_oraclelinux_keys"
REPOSITORIES = "node_image_oraclelinux_repositories"
MIRROR = "node_image_oraclelinux_mirror"

# The first that is found tells the reason: what is behind a failure comes before what follows
# from it. A name in a pattern is one in the message, with all that was found for it.
REASONS: tuple[tuple[str, str], ...] = (
    (
        r"No space left on device|more space needed on the|database or disk is full"
        r"|Failed writing received data to disk",
        "the disk is full; make room where images are built",
    ),
    (
        r"Exec format error",
        "programs of the board do not run here; install qemu-user-static, and see that "
        "/proc/sys/fs/binfmt_misc/qemu-aarch64 is there",
    ),
    (
        r"^Package (?P<found>\S+) is not signed",
        "not signed: {found}; packages without a signature are never installed",
    ),
    (
        r"^Public key for (?P<found>\S+) is not installed",
        f"not signed by a key of {KEYS}: {{found}}; set the key of whoever signs these packages, "
        "after checking its fingerprint",
    ),
    (
        r"^Problem opening package (?P<found>\S+)",
        "not what was signed: {found}; it was damaged or changed on the way, do not use this "
        "mirror",
    ),
    (
        r"for repo '(?P<found>[^']+)': .*GPG (?:signature|verification)",
        f"the metadata of {{found}} is not signed by a key of {KEYS}; correct the key, or leave "
        "node_image_oraclelinux_repo_gpgcheck off where a repository signs no metadata",
    ),
    (
        r"^\[(?:MIRROR|FAILED)\] (?P<found>\S+): (?!No more mirrors)",
        f"the mirror did not send {{found}} whole; try again, or set another {MIRROR}",
    ),
    (
        r"(?:Cannot download repomd\.xml|Failed to download metadata for repo '(?P<found>[^']+)')",
        f"cannot read the metadata of {{found}}; check the network, node_image_proxy, {MIRROR} "
        f"and {REPOSITORIES}",
    ),
    (
        r"Error: Unable to find a match: (?P<found>.+)",
        f"no repository has {{found}}; correct node_image_packages or {REPOSITORIES}",
    ),
)
DETAILS = re.compile(r"Curl error \(\d+\): [^\[]*\[(?P<curl>[^\]]+)\]|(?P<status>Status code: \d+)")
SHOWN = 5
SHOWN_CHARACTERS = 600


def reason(lines: Sequence[str]) -> str:
    """Say why dnf failed.

    Args:
        lines: all that it printed.

    Returns:
        A clause with what failed and what to do; empty when the lines tell nothing.
    """
    for pattern, text in REASONS:
        hits = [match for line in lines if (match := re.search(pattern, line))]
        if hits:
            names = [name for hit in hits for name in hit.groupdict().values() if name]
            return text.format(found=_some(names)) + _detail(lines)
    return _errors(lines)


def _some(names: Sequence[str]) -> str:
    """List names once each, and say how many more there are."""
    unique = list(dict.fromkeys(names))
    more = len(unique) - SHOWN
    return ", ".join(unique[:SHOWN]) + (f" and {more} more" if more > 0 else "")


def _detail(lines: Sequence[str]) -> str:
    """Give the last word of the network, in brackets."""
    for line in reversed(lines):
        if match := DETAILS.search(line):
            return f" ({match['curl'] or match['status']})"
    return ""


def _errors(lines: Sequence[str]) -> str:
    """Give dnf's own error, which ends its output, joined to one line."""
    starts = [number for number, line in enumerate(lines) if line.startswith("Error:")]
    if not starts:
        return ""
    text = " ".join(" ".join(lines[starts[-1] :]).split())
    return text.removeprefix("Error: ")[:SHOWN_CHARACTERS]
