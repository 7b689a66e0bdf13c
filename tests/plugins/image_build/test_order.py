"""What is asked for decides on the name of the version, and nothing else does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from image_build_support import PUBLIC_KEY, Tiny

from plugins.module_utils.image_build.build import look
from plugins.module_utils.image_build.order import read_order
from plugins.module_utils.image_build.provider import BuildError
from plugins.module_utils.image_build.providers import provider_of

CHANGES: list[dict[str, Any]] = [
    {"release": "2"},
    {"packages": ["a"]},
    {"provider_options": {"kernel": "other"}},
    {"exclude": []},
    {"edition": "another"},
    {"root": "squashfs"},
    {"initramfs_compression": "zstd"},
    {"squashfs_compression": "xz"},
    {"files": []},
    {"authorized_keys": []},
    {"units_enabled": []},
    {"units_masked": []},
    {"trees_sha256": "other"},
    {"recipe": "other"},
    {"images": "/elsewhere"},
    {"state": "latest"},
]
NO_CHANGES: list[dict[str, Any]] = [
    {"packages": ["a", "b", "a"]},
    {"proxy": "http://user:secret@proxy.example:3128"},
    {"cache": "/elsewhere"},
    {"space": 1},
    {"setuid": []},
]


def name(options: dict[str, Any]) -> str:
    return look(read_order(options), Tiny()).name


def test_every_input_makes_another_version(options: dict[str, Any], tmp_path: Path) -> None:
    options["cache"] = str(tmp_path)
    boot = options["boot"]
    changes = [
        *CHANGES,
        *({"boot": {**boot, key: value}} for key, value in (
            ("firmware", []), ("device_trees", []), ("config", ""), ("cmdline", "quiet"),
        )),
    ]  # fmt: skip
    names = [name(options), *(name({**options, **change}) for change in changes)]
    assert len(set(names)) == len(changes) + 1


@pytest.mark.parametrize("change", NO_CHANGES)
def test_what_does_not_decide_on_the_bytes_makes_none(
    options: dict[str, Any], change: dict[str, Any]
) -> None:
    assert name({**options, **change}) == name(options)


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("-----BEGIN OPENSSH PRIVATE KEY-----", "entry 2 is a private key"),
        ("ssh-ed25519 short", "entry 2 is no public key"),
        ("ssh-rsa AAAAB3Nza me\ncommand", "entry 2 is no public key"),
        ("hello", "entry 2 is no public key"),
    ],
)
def test_keys_that_are_none_are_refused(options: dict[str, Any], key: str, said: str) -> None:
    with pytest.raises(BuildError, match=said):
        read_order({**options, "authorized_keys": [PUBLIC_KEY, key]})


def test_keys_keep_their_options(options: dict[str, Any]) -> None:
    line = f'from="10.0.0.1",no-pty {PUBLIC_KEY}'
    assert read_order({**options, "authorized_keys": ["", line]}).authorized_keys == (line,)


def test_a_release_that_makes_no_name_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(BuildError, match="node_image_release"):
        name({**options, "release": "../up"})


def test_an_unknown_provider_is_refused_with_those_there_are() -> None:
    with pytest.raises(BuildError, match="'arch' is none of debian, oraclelinux, raspios"):
        provider_of("arch")
