"""Apt's output becomes stages and counts, its failures one message with a remedy."""

from __future__ import annotations

import pytest
from image_build_support import Said

from plugins.module_utils.image_build.apt_messages import Follower, explain

OUTPUT = """\
I: running apt-get update...
Get:1 http://mirror.example/debian bookworm InRelease [151 kB]
Get:4 http://mirror.example/debian bookworm/main arm64 Packages [8689 kB]
I: downloading packages with apt...
0 upgraded, 2 newly installed, 0 to remove and 0 not upgraded.
Get:1 http://mirror.example/debian bookworm/main arm64 libc6 arm64 2.36 [2000 kB]
Get:2 http://mirror.example/debian bookworm/main arm64 dash arm64 0.5 [200 kB]
I: extracting archives...
I: installing essential packages...
Selecting previously unselected package libc6:arm64.
Unpacking libc6:arm64 (2.36) ...
Unpacking dash (0.5) ...
Setting up libc6:arm64 (2.36) ...
Setting up dash (0.5) ...
0 upgraded, 1 newly installed, 0 to remove and 0 not upgraded.
Get:1 http://mirror.example/debian bookworm/main arm64 udev arm64 252 [2000 kB]
0 upgraded, 1 newly installed, 0 to remove and 0 not upgraded.
Unpacking udev (252) ...
Setting up udev (252) ...
W: a warning
"""


def test_output_becomes_stages_and_counts(said: Said) -> None:
    follower = Follower(said)
    for line in OUTPUT.splitlines():
        follower.line(line)
    assert said.stages == [
        ("get lists", 0),
        ("get packages", 2),
        ("extract packages", 0),
        ("unpack packages", 2),
        ("configure packages", 2),
        ("get packages", 3),
        ("unpack packages", 3),
        ("configure packages", 3),
    ]
    assert said.steps[-3:] == [(3, "udev")] * 3
    assert (2, "dash") in said.steps
    assert follower.errors == ["W: a warning"]


@pytest.mark.parametrize(
    ("errors", "said"),
    [
        (
            ["W: GPG error: http://a.example x InRelease: NO_PUBKEY 0123", "E: not signed."],
            "not signed by a key that is trusted here",
        ),
        (["E: The repository 'http://a.example x Release' is not signed."], "not signed by a key"),
        (
            ["E: The repository 'http://a.example nope Release' does not have a Release file."],
            "no such release; correct node_image_release",
        ),
        (["E: Unable to locate package nope"], "no such package for arm64"),
        (["E: Failed to fetch http://a.example/p  Connection failed"], "could not be read to the"),
        (["E: Failed to fetch http://a.example/p  Hash Sum mismatch"], "what came is kept"),
        (["dpkg: error: write: No space left on device"], "the disk is full"),
    ],
)
def test_a_failure_says_what_to_do(errors: list[str], said: str) -> None:
    message = str(explain("install debian bookworm", errors, "otherwise"))
    assert message.startswith("cannot install debian bookworm: ")
    assert said in message
    assert "\n" not in message


def test_a_failure_of_another_kind_is_told_as_it_is() -> None:
    assert str(explain("install", ["E: odd"], "otherwise")) == "cannot install: E: odd"
    assert str(explain("install", [], "otherwise")) == "cannot install: otherwise"


def test_a_password_of_a_mirror_is_not_told() -> None:
    line = "E: Failed to fetch http://me:secret@a.example/p  404  Not Found"
    assert "secret" not in str(explain("install", [line], ""))
