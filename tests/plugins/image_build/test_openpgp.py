"""Public keys, read and written as gpg itself does it."""

from __future__ import annotations

import base64
import shutil
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from plugins.module_utils.image_build.openpgp import fingerprints, rewritten
from plugins.module_utils.image_build.oraclelinux import RELEASES, OracleLinux, _write_keys
from plugins.module_utils.image_build.oraclelinux_options import read_options
from plugins.module_utils.image_build.provider import BuildError, Settings
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


# ---- what gpg would see, and a plainer reader would not

HEAD, TAIL = "-----BEGIN PGP PUBLIC KEY BLOCK-----", "-----END PGP PUBLIC KEY BLOCK-----"


def shown(armoured: str, tmp_path: Path) -> list[str]:
    """Fingerprints of the primary keys that gpg finds in a text."""
    file = tmp_path / "shown.asc"
    file.write_text(armoured, newline="")
    show = ["gpg", "--homedir", str(tmp_path), "--batch", "--with-colons", "--show-keys"]
    lines = command([*show, str(file)]).splitlines()
    return [after.split(":")[9] for line, after in pairwise(lines) if line.startswith("pub:")]


def data_of(armoured: str) -> bytes:
    lines = armoured.partition("\n\n")[2].splitlines()
    return base64.b64decode("".join(line for line in lines if line[0] not in "=-"))


def block(data: bytes) -> str:
    return f"{HEAD}\n\n{base64.b64encode(data).decode()}\n{TAIL}\n"


def compressed(armoured: str) -> str:
    """A key as one packet of compressed data, by the method that does not compress."""
    data = b"\0" + data_of(armoured)
    return block(b"\xc8\xff" + len(data).to_bytes(4, "big") + data)


def test_what_is_written_holds_the_same_keys(keys: list[Key], tmp_path: Path) -> None:
    text = f"release key:\n{keys[0].public()}\nbackup key:\n{keys[1].public()}"
    written = rewritten(text)
    assert written == keys[0].public() + keys[1].public()
    assert shown(written, tmp_path) == fingerprints(text)


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("blank", ["", " ", "\t "])
@pytest.mark.parametrize("header", ["", "Comment: x"])
def test_a_block_is_seen_as_gpg_sees_it(
    keys: list[Key], tmp_path: Path, header: str, blank: str, end: str
) -> None:
    lines = keys[1].public().splitlines()
    second = end.join([lines[0], *([header] if header else []), blank, *lines[2:], ""])
    both = [key.fingerprint() for key in keys]
    assert fingerprints(keys[0].public() + second) == both
    assert shown(rewritten(keys[0].public() + second), tmp_path) == both


def test_a_block_that_is_not_seen_is_not_written(keys: list[Key]) -> None:
    hidden = keys[1].public().replace(TAIL, f"{TAIL} x")
    assert rewritten(keys[0].public() + hidden) == keys[0].public()


def test_a_packet_that_could_hold_a_key_is_refused(keys: list[Key], tmp_path: Path) -> None:
    text = keys[0].public() + compressed(keys[1].public())
    assert keys[1].fingerprint() in shown(text, tmp_path)
    with pytest.raises(ValueError, match="a block of it holds a packet of type 8"):
        fingerprints(text)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "a block of it holds no public key"),
        (b"\xcd\x01x", "a block of it holds no public key"),
        (b"\x9b" + bytes(8), "a packet of no length"),
        (b"\xc6\xe1" + bytes(8), "a packet in parts"),
    ],
)
def test_a_block_that_is_read_in_two_ways_is_refused(
    keys: list[Key], data: bytes, why: str
) -> None:
    with pytest.raises(ValueError, match=why):
        rewritten(keys[0].public() + block(data))


def test_a_block_without_a_blank_line_is_refused(keys: list[Key]) -> None:
    with pytest.raises(ValueError, match="no blank line before its data"):
        fingerprints(keys[0].public().replace("\n\n", "\n"))


def test_dnf_gets_only_keys_that_were_compared(keys: list[Key], tmp_path: Path) -> None:
    def settings(text: str) -> Settings:
        options = {
            "mirror": "https://m.example", "keys": {"9": [text]}, "repo_gpgcheck": False,
            "repositories": {"9": [{"id": "a", "baseurl": "$mirror/"}]},
            "fingerprints": {"9": [keys[0].fingerprint()]}, "excluded_packages": [],
            "excluded_paths": [], "scriptlets_may_fail": [],
        }  # fmt: skip
        return Settings(
            provider="oraclelinux", release="9", packages=("bash",), options=options, exclude=(),
            proxy="", cache=tmp_path, work=tmp_path, epoch=0,
        )  # fmt: skip

    def write(text: str) -> str:
        given = settings(text)
        OracleLinux().check(given)
        (file,) = _write_keys(read_options(given, RELEASES), given)
        return file.read_text()

    lines = keys[1].public().splitlines()
    spaced = "\n".join([lines[0], "Comment: x", " ", *lines[2:], ""])
    with pytest.raises(BuildError, match=keys[1].fingerprint()):
        write(keys[0].public() + spaced)
    hidden = keys[1].public().replace(TAIL, f"{TAIL} x")
    assert write(keys[0].public() + hidden) == keys[0].public()
