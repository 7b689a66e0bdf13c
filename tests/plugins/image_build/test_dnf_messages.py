"""What dnf 4.14 of Debian 12 printed when it failed, and what is made of it."""

from __future__ import annotations

import pytest

from plugins.module_utils.image_build.dnf_messages import reason

PREFIX = ["Dependencies resolved.", "Downloading Packages:"]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        pytest.param(
            [
                "Importing GPG key 0x0C1925B3:",
                "Public key for bash-1.0-1.el9.aarch64.rpm is not installed. Failing "
                "package is: bash-1.0-1.el9.aarch64",
                " GPG Keys are configured as: file:///other.asc",
                "Public key for nano-1.0-1.el9.aarch64.rpm is not installed. Failing "
                "package is: nano-1.0-1.el9.aarch64",
                "Error: GPG check FAILED",
            ],
            "not signed by a key of node_image_oraclelinux_keys: bash-1.0-1.el9.aarch64.rpm, "
            "nano-1.0-1.el9.aarch64.rpm; set the key of whoever signs these packages, after "
            "checking its fingerprint",
            id="wrong key",
        ),
        pytest.param(
            [f"Public key for p{n}.rpm is not installed." for n in range(8)],
            "not signed by a key of node_image_oraclelinux_keys: p0.rpm, p1.rpm, p2.rpm, p3.rpm, "
            "p4.rpm and 3 more; set the key of whoever signs these packages, after checking its "
            "fingerprint",
            id="many",
        ),
        pytest.param(
            ["Package nano-1.0-1.el9.aarch64.rpm is not signed", "Error: GPG check FAILED"],
            "not signed: nano-1.0-1.el9.aarch64.rpm; packages without a signature are never "
            "installed",
            id="unsigned",
        ),
        pytest.param(
            ["Problem opening package nano-1.0-1.el9.aarch64.rpm", "Error: GPG check FAILED"],
            "not what was signed: nano-1.0-1.el9.aarch64.rpm; it was damaged or changed on the "
            "way, do not use this mirror",
            id="changed",
        ),
        pytest.param(
            [
                "(1/3): bash-1.0-1.el9.aarch64.rpm               114 MB/s | 1.1 MB     00:00    ",
                "[MIRROR] nano-1.0-1.el9.aarch64.rpm: Curl error (18): Transferred a partial file "
                "for http://127.0.0.1:41007/nano.rpm [transfer closed with 3190 bytes remaining]",
                "[FAILED] nano-1.0-1.el9.aarch64.rpm: No more mirrors to try - All mirrors were "
                "already tried without success",
                "Error: Error downloading packages:",
                "  nano-1.0-1.el9.aarch64: Cannot download, all mirrors were already tried",
            ],
            "the mirror did not send nano-1.0-1.el9.aarch64.rpm whole; try again, or set another "
            "node_image_oraclelinux_mirror (transfer closed with 3190 bytes remaining)",
            id="cut short",
        ),
        pytest.param(
            [
                "[MIRROR] nano-1.0-1.el9.aarch64.rpm: Status code: 404 for http://127.0.0.1:45161/"
                "nano-1.0-1.el9.aarch64.rpm (IP: 127.0.0.1)",
                "Error: Error downloading packages:",
            ],
            "the mirror did not send nano-1.0-1.el9.aarch64.rpm whole; try again, or set another "
            "node_image_oraclelinux_mirror (Status code: 404)",
            id="not there",
        ),
        pytest.param(
            [
                "Errors during downloading metadata for repository 'ol9_appstream':",
                "  - Curl error (6): Couldn't resolve host name for http://nonsuch.invalid/x/"
                "repodata/repomd.xml [Could not resolve host: nonsuch.invalid]",
                "Error: Failed to download metadata for repo 'ol9_appstream': Cannot download "
                "repomd.xml: Cannot download repodata/repomd.xml: All mirrors were tried",
            ],
            "cannot read the metadata of ol9_appstream; check the network, node_image_proxy, "
            "node_image_oraclelinux_mirror and node_image_oraclelinux_repositories "
            "(Could not resolve host: nonsuch.invalid)",
            id="no network",
        ),
        pytest.param(
            [
                "Error: Failed to download metadata for repo 'ol9_UEKR8': repomd.xml GPG signature "
                "verification error: Bad GPG signature",
            ],
            "the metadata of ol9_UEKR8 is not signed by a key of node_image_oraclelinux_keys; "
            "correct the key, or leave node_image_oraclelinux_repo_gpgcheck off where a "
            "repository signs no metadata",
            id="metadata",
        ),
        pytest.param(
            [
                "Error: Failed to download metadata for repo 'standin': GPG verification is "
                "enabled, but GPG signature is not available. This may be an error or the "
                "repository does not support GPG verification: Status code: 404 for http://"
                "127.0.0.1:1/repodata/repomd.xml.asc (IP: 127.0.0.1)",
            ],
            "the metadata of standin is not signed by a key of node_image_oraclelinux_keys; "
            "correct the key, or leave node_image_oraclelinux_repo_gpgcheck off where a "
            "repository signs no metadata (Status code: 404)",
            id="unsigned metadata",
        ),
        pytest.param(
            ["No match for argument: nonsuch", "Error: Unable to find a match: nonsuch other"],
            "no repository has nonsuch other; correct node_image_packages or "
            "node_image_oraclelinux_repositories",
            id="unknown package",
        ),
        pytest.param(
            [
                "Error: Transaction test error:",
                "  installing package linux-firmware-1 needs 40MB more space on the / filesystem",
                "Error: At least 40MB more space needed on the / filesystem.",
            ],
            "the disk is full; make room where images are built",
            id="disk",
        ),
        pytest.param(
            [
                'Error: SQLite error on "/r/history.sqlite": Executing an SQL statement failed: '
                "database or disk is full"
            ],
            "the disk is full; make room where images are built",
            id="disk, database",
        ),
        pytest.param(
            [
                "[MIRROR] bash-1.0-1.el9.aarch64.rpm: Curl error (23): Failed writing received "
                "data to disk/application for http://127.0.0.1:8765/bash.rpm [Failure writing "
                "output to destination]",
                "Error: Error downloading packages:",
            ],
            "the disk is full; make room where images are built "
            "(Failure writing output to destination)",
            id="disk, download",
        ),
        pytest.param(
            ["Error: ", " Problem: conflicting requests", "  - nothing provides x needed by y"],
            "Problem: conflicting requests - nothing provides x needed by y",
            id="dnf's own words",
        ),
        pytest.param(["Killed"], "", id="nothing"),
    ],
)
def test_the_reason_of_a_failure_is_told_with_its_remedy(lines: list[str], message: str) -> None:
    assert reason([*PREFIX, *lines]) == message
