"""Secrets of a version: who may read them, and what their sums give away."""

from __future__ import annotations

import hashlib
import tarfile
from pathlib import Path

import pytest
from stocked import Servers

from picluster.errors import PiclusterError
from picluster.rollout.pack import Packed, Parts, pack
from picluster.rollout.secret import salt_key, salt_of

SALT = bytes(range(32))


def a_file(path: Path, text: str = "1234\n", mode: int = 0o600) -> Path:
    path.write_text(text)
    path.chmod(mode)
    return path


def packed(folder: Path, secrets: dict[str, Path], salt: bytes = SALT) -> Packed:
    source = folder / "w"
    source.mkdir(exist_ok=True)
    for name in ("run", "workload.conf"):
        (source / name).touch()
    return pack("a", "1", Parts(source, secrets=secrets, salt=salt), folder / "a.tar")


@pytest.fixture
def servers(tmp_path: Path) -> Servers:
    made = Servers(tmp_path)
    made.deliver("1", secrets={"pin": a_file(tmp_path / "pin")}, salt=SALT)
    return made


def test_they_travel_as_roots_alone(tmp_path: Path) -> None:
    archive = packed(tmp_path, {"pin": a_file(tmp_path / "pin")}).archive
    assert archive.stat().st_mode & 0o777 == 0o600
    with tarfile.open(archive) as tar:
        modes = {entry.name: entry.mode for entry in tar}
        folder = tar.getmember("secret")
    assert folder.isdir()
    assert modes == {
        "run": 0o644 | 0o111, "workload.conf": 0o644, "secret": 0o700, "secret/SHA256SUMS": 0o600,
        "secret/pin": 0o600, "secret/salt": 0o600, "SHA256SUMS": 0o644,
    }  # fmt: skip


def test_sums_that_all_may_read_say_nothing_of_a_weak_one(tmp_path: Path) -> None:
    """The same secret has other sums with another salt; with the same, the same."""
    secrets = {"pin": a_file(tmp_path / "pin")}
    first = packed(tmp_path, secrets)
    with tarfile.open(first.archive) as tar:
        names = [entry.name for entry in tar]
        everybodys = b"".join(
            tar.extractfile(entry).read()  # type: ignore[union-attr]
            for entry in tar
            if entry.isfile() and entry.mode & 0o004
        )
    assert "secret/pin" in names
    for guess in (b"1234\n", b"1234"):
        assert hashlib.sha256(guess).hexdigest().encode() not in everybodys
        line = f"{hashlib.sha256(guess).hexdigest()}  pin\n".encode()
        assert hashlib.sha256(line).hexdigest().encode() not in everybodys
    assert packed(tmp_path, secrets).digest == first.digest
    assert packed(tmp_path, secrets, bytes(32)).digest != first.digest
    secrets["pin"].write_text("1235\n")
    assert packed(tmp_path, secrets).digest != first.digest


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644])
def test_one_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    path = a_file(tmp_path / "pin", mode=mode)
    with pytest.raises(PiclusterError) as refused:
        packed(tmp_path, {"pin": path})
    assert str(refused.value) == (
        f"{path}: secret pin may be read or written by others: its mode is {mode:04o}; "
        f"chmod 600 {path}"
    )
    assert not (tmp_path / "a.tar").exists()


@pytest.mark.parametrize(
    ("name", "text", "why"),
    [
        ("../pin", "x", "is no name"),
        ("salt", "x", "is no name"),
        ("SHA256SUMS", "x", "is no name"),
        ("pin", "", "has 0 bytes; from 1 to 65536"),
        ("pin", "x" * 65537, "has more than 65536 bytes"),
    ],
)
def test_what_is_no_secret_is_refused(tmp_path: Path, name: str, text: str, why: str) -> None:
    with pytest.raises(PiclusterError, match=why):
        packed(tmp_path, {name: a_file(tmp_path / "pin", text)})
    with pytest.raises(PiclusterError, match="read secret pin: No such file"):
        packed(tmp_path, {"pin": tmp_path / "nowhere"})


def test_a_server_holds_them_against_their_sums(servers: Servers) -> None:
    servers.open().verify("hello", "1")
    place = servers.export() / "workloads/artefacts/hello/1/secret"
    (place / "pin").write_text("4321\n")
    (place / "more").touch(0o600)
    (place / "salt").chmod(0o604)
    place.chmod(0o711)
    with pytest.raises(PiclusterError) as refused:
        servers.open().verify("hello", "1")
    assert [str(problem).partition(": ")[2] for problem in refused.value.problems] == [
        f"{what}; deliver it under a new version"
        for what in (
            "secret may be read by others than root",
            "secret/more does not belong to it",
            "secret/pin has another checksum",
            "secret/salt may be read by others than root",
        )
    ]


def test_a_list_that_is_missing_or_broken_is_told(servers: Servers) -> None:
    sums = servers.export() / "workloads/artefacts/hello/1/secret/SHA256SUMS"
    text = sums.read_text()
    sums.write_text("nonsense\n")
    with pytest.raises(PiclusterError, match="SHA256SUMS has a line that is none"):
        servers.open().verify("hello", "1")
    sums.write_text(text)
    sums.unlink()
    with pytest.raises(PiclusterError, match="secret/SHA256SUMS is missing"):
        servers.open().verify("hello", "1")


def test_a_control_node_keeps_one_salt(tmp_path: Path) -> None:
    path = tmp_path / "salt"
    key = salt_key(path)
    assert (len(key), path.stat().st_mode & 0o777) == (32, 0o600)
    assert salt_key(path) == key
    assert list(tmp_path.iterdir()) == [path]
    assert salt_of(key, "a", "1") == salt_of(key, "a", "1")
    assert len({key, salt_of(key, "a", "1"), salt_of(key, "a", "2"), salt_of(key, "b", "1")}) == 4
    path.chmod(0o644)
    with pytest.raises(PiclusterError, match="the salt of secrets may be read"):
        salt_key(path)
    path.chmod(0o600)
    path.write_bytes(b"short")
    with pytest.raises(PiclusterError, match="the salt of secrets has 5 bytes"):
        salt_key(path)
