"""The head's package sources come from the machine's, whatever the form and the neighbours."""

from __future__ import annotations

from pathlib import Path

import pytest

from picluster.errors import PiclusterError
from twin.head import apt

COMPONENTS = "main non-free-firmware"


def test_debian_suites_are_kept_once_and_third_parties_left_out() -> None:
    listing = "\n".join(
        [
            "Debian|bookworm|http://mirror.example/debian/",
            "Debian|bookworm|http://mirror.example/debian/",  # a second component
            "Debian|bookworm-updates|http://mirror.example/debian/",
            "Debian|bookworm-security|https://security.example/debian-security/",
            "Debian Backports|bookworm-backports|http://mirror.example/debian/",
            "Debian|trixie|http://mirror.example/debian/",
            "Docker|bookworm|https://docker.example/linux/debian/",
            "$(ORIGIN)|bookworm|http://never-updated.example/debian/",
            "Debian|bookworm|cdrom://Debian 12/",
            "Debian|bookworm|file:/srv/mirror/",
            "",
        ]
    )
    assert apt.select(listing) == [
        f"deb http://mirror.example/debian/ bookworm {COMPONENTS}",
        f"deb http://mirror.example/debian/ bookworm-updates {COMPONENTS}",
        f"deb https://security.example/debian-security/ bookworm-security {COMPONENTS}",
    ]


def test_a_mirror_list_gives_its_first_mirror(tmp_path: Path) -> None:
    mirrors = tmp_path / "debian.list"
    mirrors.write_text(
        "# nearest first\n\nhttps://a.example/debian priority:1\nhttps://b.example\n"
    )
    assert apt.select(f"Debian|bookworm|mirror+file:{mirrors}/") == [
        f"deb https://a.example/debian bookworm {COMPONENTS}"
    ]


@pytest.mark.parametrize("text", ["", "# none\n", None, b"\xff\xfe"])
def test_an_unusable_mirror_list_is_named(tmp_path: Path, text: str | bytes | None) -> None:
    mirrors = tmp_path / "debian.list"
    if text is not None:
        mirrors.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(PiclusterError, match="mirror list") as caught:
        apt.select(f"Debian|bookworm|mirror+file:{mirrors}")
    assert caught.value.problems[0].file == str(mirrors)


def test_a_proxy_of_the_environment_reaches_apt() -> None:
    lines = apt.options({"http_proxy": "http://proxy.example:3128"})
    assert 'Acquire::http::Proxy "http://proxy.example:3128";' in lines
    assert not [line for line in apt.options({}) if "proxy.example" in line]


def test_a_proxy_that_would_end_the_option_is_refused() -> None:
    with pytest.raises(PiclusterError, match="http_proxy"):
        apt.options({"http_proxy": 'http://x";DPkg::Post-Invoke {"id"'})
