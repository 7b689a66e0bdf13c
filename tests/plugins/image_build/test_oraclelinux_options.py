"""Options of the provider ``oraclelinux``: each that cannot be right is refused by its name."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from plugins.module_utils.image_build.dnf_root import Repository
from plugins.module_utils.image_build.oraclelinux import RELEASES, OracleLinux
from plugins.module_utils.image_build.oraclelinux_options import read_options
from plugins.module_utils.image_build.provider import BuildError, Settings

MakeSettings = Callable[..., Settings]

GOOD: dict[str, Any] = {
    "mirror": "https://packages.example/oracle/",
    "repositories": {
        "9": [
            {"id": "ol9_baseos_latest", "baseurl": "$mirror/OL$releasever/baseos/$basearch/"},
            {"id": "ol9_UEKR8", "baseurl": "https://other.example/UEKR8"},
            {"id": "ol9_UEKR7", "baseurl": "$mirror/UEKR7", "enabled": False},
        ]
    },
    "keys": {"9": ["$mirror/RPM-GPG-KEY-oracle-ol9"]},
    "fingerprints": {"9": ["3e6d 826d 3fba b389 c2f3  8e34 bc4d 06a0 8d8b 756f"]},
    "repo_gpgcheck": False,
    "excluded_packages": ["rhn-*"],
    "excluded_paths": ["usr/lib/firmware/*"],
    "scriptlets_may_fail": ["kernel-uek-core"],
}
FINGERPRINT = "3E6D826D3FBAB389C2F38E34BC4D06A08D8B756F"


@pytest.fixture
def settings(tmp_path: Path) -> MakeSettings:
    """Settings for release 9 with good options, any of which may be replaced."""

    def make(*, release: str = "9", proxy: str = "", **options: object) -> Settings:
        changed = {name: value for name, value in options.items() if name != "packages"}
        packages: Any = options.get("packages", ("bash", "@python39:3.9", "kernel-uek-core"))
        return Settings(
            provider="oraclelinux",
            release=release,
            packages=packages,
            options=GOOD | changed,
            exclude=("usr/share/doc/*",),
            proxy=proxy,
            cache=tmp_path,
            work=tmp_path,
            epoch=0,
        )

    return make


def test_good_options_are_read_whole(settings: MakeSettings) -> None:
    options = read_options(settings(), RELEASES)
    assert options.mirror == "https://packages.example/oracle"
    assert options.repositories == (
        Repository("ol9_baseos_latest", "$mirror/OL$releasever/baseos/$basearch/"),
        Repository("ol9_UEKR8", "https://other.example/UEKR8/"),
    )
    assert options.fingerprints == (FINGERPRINT,)
    assert (
        options.address("${mirror}/OL$releasever/$basearch/", "9")
        == "https://packages.example/oracle/OL9/aarch64/"
    )


def test_a_release_written_as_a_number_is_the_same(settings: MakeSettings) -> None:
    changed = {name: {9: GOOD[name]["9"]} for name in ("repositories", "keys", "fingerprints")}
    assert read_options(settings(**changed), RELEASES) == read_options(settings(), RELEASES)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"release": "7"}, "'7' is not known here; set node_image_release to one of 8, 9, 10"),
        ({"release": "10"}, "node_image_oraclelinux_keys['10'] must be a list, not None"),
        ({"mirror": "ftp://a.example"}, "mirror: 'ftp://a.example' is not an http, https or file"),
        ({"mirror": "https://a.example\ngpgcheck=0"}, "mirror: 'https://a.example\\ngpgcheck=0'"),
        ({"mirror": ""}, "node_image_oraclelinux_mirror must be a text, not ''"),
        ({"repositories": []}, "node_image_oraclelinux_repositories must be a dictionary"),
        ({"repositories": {"9": []}}, "repositories['9'] names no enabled repository"),
        ({"repositories": {"9": ["x"]}}, "'x' is no dictionary with id and baseurl"),
        (
            {"repositories": {"9": [{"id": "a b", "baseurl": "$mirror/"}]}},
            "'a b' is no id",
        ),
        (
            {"repositories": {"9": [{"id": "a", "baseurl": "$mirror/\ngpgcheck=0"}]}},
            "a: '$mirror/\\ngpgcheck=0' is no address",
        ),
        (
            {"repositories": {"9": [{"id": "a", "baseurl": "$mirror/"}] * 2}},
            "two repositories have the id a",
        ),
        ({"keys": {"9": []}}, "node_image_oraclelinux_keys has none for release 9"),
        ({"fingerprints": {"9": []}}, "a key is fetched, and node_image_oraclelinux_fingerprints"),
        ({"fingerprints": {"9": ["8D8B756F"]}}, "'8D8B756F' is not 40 or 64 hex digits"),
        ({"repo_gpgcheck": "no"}, "repo_gpgcheck must be true or false, not 'no'"),
        ({"excluded_packages": ["a\nb"]}, "excluded_packages: 'a\\nb' is not a name or pattern"),
        ({"excluded_paths": ["usr/lib"]}, "excluded_paths: 'usr/lib' is not a directory and /*"),
        ({"excluded_paths": ["usr:etc/*"]}, "excluded_paths: 'usr:etc/*' is not a directory"),
        ({"scriptlets_may_fail": "all"}, "scriptlets_may_fail must be a list of texts, not 'all'"),
        ({"packages": ("--nogpgcheck",)}, "not a package: '--nogpgcheck'"),
        ({"proxy": "proxy.example:3128"}, "node_image_proxy is not an http or https address"),
        ({"proxy": "http://a\ngpgcheck=0"}, "node_image_proxy is not an http or https address"),
    ],
)
def test_an_option_that_cannot_be_right_is_refused(
    settings: MakeSettings, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(BuildError, match=re.escape(message)):
        OracleLinux().check(settings(**changes))


def test_keys_on_the_builder_must_be_there_and_be_keys(
    settings: MakeSettings, tmp_path: Path
) -> None:
    with pytest.raises(BuildError, match=r"cannot read .*/absent\.asc"):
        OracleLinux().check(settings(keys={"9": [f"{tmp_path}/absent.asc"]}))
    (tmp_path / "page.html").write_text("<html>sign in</html>")
    with pytest.raises(BuildError, match=r"page\.html: it holds no ASCII-armoured public key"):
        OracleLinux().check(settings(keys={"9": [f"{tmp_path}/page.html"]}))


def test_the_place_of_the_mirror_is_no_input(settings: MakeSettings) -> None:
    provider = OracleLinux()
    one = provider.inputs(settings(mirror="https://one.example"))
    assert one == provider.inputs(settings(mirror="https://two.example", proxy="http://p.example"))
    assert one != provider.inputs(settings(excluded_packages=[]))
    assert one != provider.inputs(settings(excluded_paths=[]))
    assert one != provider.inputs(
        settings(repositories={"9": [{"id": "a", "baseurl": "$mirror/OL9/"}]})
    )


def test_the_manifest_holds_no_password_of_a_mirror(settings: MakeSettings) -> None:
    source = OracleLinux().source(settings(mirror="https://user:secret@m.example"))
    assert source["repositories"]["ol9_baseos_latest"] == "https://m.example/OL9/baseos/aarch64/"
    assert "secret" not in str(source)
