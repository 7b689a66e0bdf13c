# SPDX-License-Identifier: GPL-3.0-or-later
"""Read the apt sources of a machine and copy the Debian ones for another architecture."""

from __future__ import annotations

import re
from pathlib import Path

ONE_LINE = re.compile(
    r"deb\s+(?:\[(?P<options>[^\]]*)\]\s+)?(?P<uri>\S+)\s+(?P<suite>\S+)(?P<rest>.*)"
)
# A mirror of Debian keeps the archive's own path; a vendor's repository for Debian has none of
# Debian's components or its own host name.
DEBIAN_URI = re.compile(
    r"(?:^|[/.:@])debian(?:-security)?(?:\.list)?/?$|//security\.debian\.org/?$"
)
FOREIGN_URI = re.compile(r"raspberrypi\.(?:org|com)|raspbian")
# Options of the one-line format that say how far a source is trusted; others choose indices.
KEPT_OPTIONS = {
    "signed-by": "Signed-By",
    "trusted": "Trusted",
    "check-valid-until": "Check-Valid-Until",
}

Stanza = dict[str, str]


def parse_one_line(text: str) -> list[Stanza]:
    """Read a file in the one-line format of sources.list(5); gives deb822 fields per source."""
    stanzas = []
    for line in text.splitlines():
        match = ONE_LINE.fullmatch(line.partition("#")[0].strip())
        if not match:
            continue
        stanza = {
            "Types": "deb",
            "URIs": match["uri"],
            "Suites": match["suite"],
            "Components": " ".join(match["rest"].split()),
        }
        for option in (match["options"] or "").split():
            key, _, value = option.partition("=")
            if key.lower() in KEPT_OPTIONS:
                stanza[KEPT_OPTIONS[key.lower()]] = value.replace(",", " ")
        stanzas.append(stanza)
    return stanzas


def parse_deb822(text: str) -> list[Stanza]:
    """Read a file in the deb822 format of sources.list(5); comments go, folded lines stay."""
    stanzas: list[Stanza] = []
    stanza: Stanza = {}
    field = ""
    for line in [*text.splitlines(), ""]:
        if line.startswith("#"):
            continue
        if not line.strip():
            if stanza:
                stanzas.append(stanza)
            stanza, field = {}, ""
        elif line[0] in " \t" and field:
            stanza[field] += "\n" + line
        else:
            name, _, value = line.partition(":")
            field = "-".join(part.capitalize() for part in name.strip().split("-"))
            field = "URIs" if field == "Uris" else field
            stanza[field] = value.strip()
    return stanzas


def is_debian(stanza: Stanza) -> bool:
    """Tell whether a source is an enabled binary source of the Debian archive."""
    uris = stanza.get("URIs", "").split()
    return (
        "deb" in stanza.get("Types", "").split()
        and stanza.get("Enabled", "yes").lower() not in ("no", "false", "off", "0")
        and "main" in stanza.get("Components", "").split()
        and bool(uris)
        and all(DEBIAN_URI.search(uri) and not FOREIGN_URI.search(uri) for uri in uris)
    )


def for_architecture(stanza: Stanza, architecture: str, components: list[str]) -> Stanza:
    """Copy a source for one architecture with more components, its trust unchanged."""
    wanted = list(dict.fromkeys([*stanza["Components"].split(), *components]))
    kept = {
        key: value
        for key, value in stanza.items()
        if key in ("URIs", "Suites", *KEPT_OPTIONS.values())
    }
    return {
        "Types": "deb",
        **kept,
        "Components": " ".join(wanted),
        "Architectures": architecture,
    }


def debian_sources(etc: Path, architecture: str, components: list[str]) -> str:
    """Give the Debian sources of a machine as deb822 text for another architecture.

    Args:
        etc: apt's configuration directory, such as ``/etc/apt``.
        architecture: Debian architecture the copy is for.
        components: archive components added to those named.

    Returns:
        deb822 text; empty when the machine names no Debian archive.
    """
    stanzas: list[Stanza] = []
    for path in [etc / "sources.list", *sorted((etc / "sources.list.d").glob("*.list"))]:
        if path.is_file():
            stanzas += parse_one_line(path.read_text(encoding="utf-8", errors="replace"))
    for path in sorted((etc / "sources.list.d").glob("*.sources")):
        stanzas += parse_deb822(path.read_text(encoding="utf-8", errors="replace"))
    copies = [
        for_architecture(item, architecture, components) for item in stanzas if is_debian(item)
    ]
    return "\n\n".join(
        "\n".join(f"{key}: {value}".replace(": \n", ":\n") for key, value in copy.items())
        for copy in copies
    ) + ("\n" if copies else "")
