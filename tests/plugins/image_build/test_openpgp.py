"""Fingerprints of public keys, as gpg itself gives them."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from plugins.module_utils.image_build.openpgp import fingerprints
from twin.net import command
from twin.rpm.keys import Key

pytestmark = pytest.mark.skipif(shutil.which("gpg") is None, reason="no gpg here")


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Key]]:
    home = tmp_path_factory.mktemp("keys")
    with (
        Key.make(home / "one", "One <one@example.invalid>") as one,
        Key.make(home / "two", "Two <two@example.invalid>") as two,
    ):
        yield [one, two]


def test_a_key_has_the_fingerprint_gpg_shows(keys: list[Key]) -> None:
    assert fingerprints(keys[0].public()) == [keys[0].fingerprint()]


def test_a_file_may_hold_several_keys_and_text(keys: list[Key]) -> None:
    text = f"release key:\n{keys[0].public()}\nbackup key:\n{keys[1].public()}"
    assert fingerprints(text) == [key.fingerprint() for key in keys]


def test_subkeys_are_not_counted(keys: list[Key]) -> None:
    before = keys[1].fingerprint()
    gpg = ["gpg", "--homedir", str(keys[1].home), "--batch", "--quiet", "--passphrase", ""]
    command([*gpg, "--pinentry-mode", "loopback", "--quick-add-key", before, "rsa2048", "encr"])
    assert fingerprints(keys[1].public()) == [before]


def test_a_private_key_is_refused(keys: list[Key]) -> None:
    secret = command(
        ["gpg", "--homedir", str(keys[0].home), "--batch", "--armor", "--export-secret-keys"]
    )
    with pytest.raises(ValueError, match="private key block"):
        fingerprints(secret)


def damaged(text: str, at: int) -> str:
    lines = text.splitlines()
    lines[at] = "!" + lines[at][1:]
    return "\n".join(lines)


def test_what_is_no_key_is_refused(keys: list[Key], tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no ASCII-armoured public key"):
        fingerprints("<html>404</html>")
    with pytest.raises(ValueError, match="no ASCII-armoured public key"):
        fingerprints(keys[0].public().partition("-----END")[0])
    with pytest.raises(ValueError, match="damaged"):
        fingerprints(damaged(keys[0].public(), 3))
    lines = keys[0].public().splitlines(keepends=True)
    with pytest.raises(ValueError, match="cut short"):
        fingerprints("".join([*lines[:4], *lines[-1:]]))
    message = tmp_path / "message"
    message.write_text("signed")
    keys[0].sign_file(message)
    with pytest.raises(ValueError, match="it holds a signature"):
        fingerprints((tmp_path / "message.asc").read_text())
