"""A small signed archive of Debian packages, in the layout of a real one."""

from __future__ import annotations

import email.utils
import hashlib
import subprocess
from pathlib import Path

from twin.rpm.keys import Key

RELEASE = "bookworm"


class AptArchive:
    """An archive below a directory; packages are put into its pool, then it is signed.

    Args:
        root: its directory.
        key: what signs it; ``None`` for an archive without a signature.
    """

    def __init__(self, root: Path, key: Key | None) -> None:
        self.root = root
        self.key = key
        self._entries = ""

    def package(
        self, name: str, files: dict[str, bytes], *, fields: str = "", size: int = 0
    ) -> None:
        """Add a package; ``size`` random-looking bytes make it a large one."""
        tree = self.root.parent / f"package-{name}"
        (tree / "DEBIAN").mkdir(parents=True)
        control = (
            f"Package: {name}\nVersion: 1.0\nArchitecture: arm64\nMaintainer: a <a@b.c>\n{fields}"
        )
        (tree / "DEBIAN/control").write_text(f"{control}Description: a test\n")
        for path, content in files.items():
            (tree / path).parent.mkdir(parents=True, exist_ok=True)
            (tree / path).write_bytes(content)
        if size:
            blocks = (hashlib.sha512(str(number).encode()).digest() for number in range(size // 64))
            (tree / "data").write_bytes(b"".join(blocks))
        pool = self.root / "pool"
        pool.mkdir(parents=True, exist_ok=True)
        deb = pool / f"{name}_1.0_arm64.deb"
        subprocess.run(
            ["dpkg-deb", "-Zgzip", "-b", str(tree), str(deb)], check=True, stdout=subprocess.DEVNULL
        )
        self._entries += (
            f"{control}Filename: pool/{deb.name}\nSize: {deb.stat().st_size}\n"
            f"SHA256: {hashlib.sha256(deb.read_bytes()).hexdigest()}\nDescription: a test\n\n"
        )

    def publish(self) -> None:
        """Write the lists, and sign them."""
        dist = self.root / "dists" / RELEASE
        lists = dist / "main/binary-arm64"
        lists.mkdir(parents=True, exist_ok=True)
        data = self._entries.encode()
        (lists / "Packages").write_bytes(data)
        (dist / "Release").write_text(
            f"Origin: Test\nSuite: stable\nCodename: {RELEASE}\nArchitectures: arm64\n"
            f"Components: main\nDate: {email.utils.formatdate(usegmt=True)}\nSHA256:\n"
            f" {hashlib.sha256(data).hexdigest()} {len(data)} main/binary-arm64/Packages\n"
        )
        if self.key:
            (dist / "InRelease").unlink(missing_ok=True)
            self.key.sign_text(dist / "Release", dist / "InRelease")

    def sources(self, url: str, keyring: Path, release: str = RELEASE) -> str:
        """Give sources in the deb822 format."""
        return (
            f"Types: deb\nURIs: {url}\nSuites: {release}\nComponents: main\nSigned-By: {keyring}\n"
        )
