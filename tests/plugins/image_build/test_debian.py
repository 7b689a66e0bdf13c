"""Debian's provider against a small archive of our own, by the real apt, dpkg and mmdebstrap."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from apt_archive import AptArchive
from image_build_support import Said

from plugins.module_utils.image_build import deb_kernel, debian_options, emulator
from plugins.module_utils.image_build.confined import confined
from plugins.module_utils.image_build.debian import Debian
from plugins.module_utils.image_build.debian_options import read_options
from plugins.module_utils.image_build.provider import BuildError, Settings
from twin.rpm.keys import Key
from twin.rpm.server import Mirror

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0
    or not all(shutil.which(name) for name in ("apt-get", "dpkg-deb", "gpg", "mmdebstrap")),
    reason="needs root, apt, gpg and mmdebstrap",
)
KERNEL = "6.1.0-1-arm64"
ESSENTIAL = "Essential: yes\nPriority: required\n"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("archive")


@pytest.fixture(scope="module")
def key(place: Path) -> Iterator[Key]:
    with Key.make(place / "gpg", "Archive <archive@example>") as key:
        yield key


@pytest.fixture(scope="module")
def other_key(place: Path) -> Iterator[Path]:
    with Key.make(place / "gpg-other", "Other <other@example>") as key:
        path = place / "other.asc"
        path.write_text(key.public())
        yield path


@pytest.fixture(scope="module")
def keyring(place: Path, key: Key) -> Path:
    path = place / "archive.asc"
    path.write_text(key.public())
    return path


@pytest.fixture(scope="module")
def archive(place: Path, key: Key) -> AptArchive:
    made = AptArchive(place / "archive", key)
    made.package("base", {"etc/base": b"base"}, fields=ESSENTIAL, size=1 << 20)
    modules = f"lib/modules/{KERNEL}/kernel"
    made.package(
        f"linux-image-{KERNEL}",
        {
            f"boot/vmlinuz-{KERNEL}": b"kernel",
            f"{modules}/drivers/gpu/a.ko": b"a",
            f"{modules}/net/b.ko": b"b",
            f"usr/lib/linux-image-{KERNEL}/broadcom/a.dtb": b"dtb",
        },
        fields="Depends: initramfs-tools | linux-initramfs-tool,\n kmod\nSection: kernel\n",
    )
    made.package("linux-image-arm64", {}, fields=f"Depends: linux-image-{KERNEL} (= 1.0)\n")
    made.publish()
    return made


@pytest.fixture
def mirror(archive: AptArchive) -> Iterator[Mirror]:
    with Mirror(archive.root) as mirror:
        yield mirror


@pytest.fixture
def settings(tmp_path: Path, archive: AptArchive, mirror: Mirror, keyring: Path) -> Settings:
    for name in ("cache", "work", "root"):
        (tmp_path / name).mkdir()
    return Settings(
        provider="debian",
        release="bookworm",
        packages=("base",),
        options={
            "sources": archive.sources(mirror.url, keyring),
            "kernel": "linux-image-arm64",
            "kernel_dependency": "linux-image-[0-9]*",
        },
        exclude=("usr/lib/modules/*/kernel/drivers/gpu/*",),
        proxy="",
        cache=tmp_path / "cache",
        work=tmp_path / "work",
        epoch=1_700_000_000,
    )


def refusal(settings: Settings, tmp_path: Path) -> str:
    """Install into the root and give the message with which it ends."""

    def work() -> None:
        emulator.ensure(settings.work)
        Debian().install(tmp_path / "root", settings, Said())

    with pytest.raises(BuildError) as refused:
        confined(work)
    return str(refused.value)


def with_sources(settings: Settings, sources: str) -> Settings:
    return replace(settings, options={**settings.options, "sources": sources})


def test_the_archives_state_is_one_until_it_publishes(
    settings: Settings, archive: AptArchive
) -> None:
    first = Debian().newest(settings)
    archive.publish()
    # Signed anew and nothing published: the same.
    assert Debian().newest(settings) == first
    archive.package("later", {})
    time.sleep(1.1)  # HTTP tells the age of a file in whole seconds
    archive.publish()
    assert Debian().newest(settings) != first


def test_no_network_is_told(settings: Settings, archive: AptArchive, keyring: Path,
                            tmp_path: Path) -> None:  # fmt: skip
    sources = archive.sources("http://127.0.0.1:9", keyring)
    said = refusal(with_sources(settings, sources), tmp_path)
    assert "the archive could not be read to the end; see that it is reached" in said


def test_a_wrong_key_is_told(
    settings: Settings, archive: AptArchive, mirror: Mirror, other_key: Path, tmp_path: Path
) -> None:
    said = refusal(with_sources(settings, archive.sources(mirror.url, other_key)), tmp_path)
    assert "not signed by a key that is trusted here" in said
    assert [path for path in mirror.asked if path.endswith(".deb")] == []


def test_an_unsigned_archive_is_told(
    settings: Settings, archive: AptArchive, mirror: Mirror, tmp_path: Path
) -> None:
    mirror.missing |= {"InRelease", "Release.gpg"}
    assert "not signed by a key that is trusted here" in refusal(settings, tmp_path)
    assert [path for path in mirror.asked if path.endswith(".deb")] == []
    del archive


def test_an_unknown_release_is_told(
    settings: Settings, archive: AptArchive, mirror: Mirror, keyring: Path, tmp_path: Path
) -> None:
    sources = archive.sources(mirror.url, keyring, "nonesuch")
    said = refusal(replace(with_sources(settings, sources), release="nonesuch"), tmp_path)
    assert "the archive has no such release; correct node_image_release" in said


def test_an_unknown_package_is_told(settings: Settings, tmp_path: Path) -> None:
    said = refusal(replace(settings, packages=("base", "nonesuch")), tmp_path)
    assert "no such package for arm64; correct node_image_packages" in said
    assert "nonesuch" in said


def test_a_mirror_that_stops_half_way_is_told(
    settings: Settings, mirror: Mirror, tmp_path: Path
) -> None:
    mirror.cut.add("base_1.0_arm64.deb")
    said = refusal(settings, tmp_path)
    assert "the archive could not be read to the end" in said
    assert "what came is kept" in said


def test_a_damaged_package_is_refused(
    settings: Settings, archive: AptArchive, tmp_path: Path
) -> None:
    deb = archive.root / "pool/base_1.0_arm64.deb"
    whole = deb.read_bytes()
    deb.write_bytes(whole[:-1] + b"!")
    try:
        assert "Hash Sum mismatch" in refusal(settings, tmp_path)
    finally:
        deb.write_bytes(whole)


def test_a_kernel_is_unpacked_without_what_is_excluded_and_noted(
    settings: Settings, archive: AptArchive, tmp_path: Path, said: Said
) -> None:
    root = tmp_path / "root"
    for folder in ("usr/lib", "var/lib/dpkg/info"):
        (root / folder).mkdir(parents=True)
    (root / "lib").symlink_to("usr/lib")
    (root / "var/lib/dpkg/status").write_text(
        "Package: base\nStatus: install ok installed\nVersion: 2\n\n"
        "Package: gone\nStatus: deinstall ok config-files\nVersion: 1\n\n"
    )
    deb = archive.root / f"pool/linux-image-{KERNEL}_1.0_arm64.deb"
    deb_kernel.unpack(deb, root, settings.exclude, said)

    modules = root / "usr/lib/modules" / KERNEL / "kernel"
    assert (modules / "net/b.ko").is_file()
    assert not (modules / "drivers/gpu/a.ko").exists()
    assert (root / "lib").is_symlink()
    assert (modules.parent / "modules.dep").is_file()
    assert dict(Debian().packages(root)) == {"base": "2", f"linux-image-{KERNEL}": "1.0"}
    entry = (root / "var/lib/dpkg/status").read_text().split("\n\n")[2]
    assert entry.splitlines() == [
        f"Package: linux-image-{KERNEL}",
        "Status: install ok installed",
        "Version: 1.0",
        "Architecture: arm64",
        "Maintainer: a <a@b.c>",
        "Section: kernel",
        "Description: a test",
    ]
    listed = (root / f"var/lib/dpkg/info/linux-image-{KERNEL}.list").read_text().splitlines()
    assert f"/lib/modules/{KERNEL}/kernel/net/b.ko" in listed

    kernel = Debian().kernel(root)
    assert (kernel.version, kernel.image.name) == (KERNEL, f"vmlinuz-{KERNEL}")
    (root / "boot/vmlinuz-5").touch()
    with pytest.raises(BuildError, match="one kernel must be in the image"):
        Debian().kernel(root)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"release": "Book worm"}, "node_image_release: 'Book worm' is no code name"),
        ({"packages": ("a b",)}, "node_image_packages: 'a b' is no name of a Debian package"),
        ({"options": {"kernel": "k1", "odd": ""}}, "has no option 'odd'"),
        ({"options": {"kernel": "k1", "sources": "# none\n"}}, "holds no source in the deb822"),
        ({"options": {"kernel": ""}}, "node_image_debian_kernel: '' is no name"),
        ({"provider": "raspios", "options": {"kernel": "k1"}}, "node_image_raspios_mirror: name"),
    ],
)
def test_settings_that_cannot_be_right_are_refused(
    settings: Settings, changes: dict[str, object], said: str
) -> None:
    with pytest.raises(BuildError, match=said):
        Debian().check(replace(settings, **changes))  # type: ignore[arg-type]


def test_the_machines_sources_serve_another_release(settings: Settings, tmp_path: Path) -> None:
    etc, about = tmp_path / "apt", tmp_path / "os-release"
    (etc / "sources.list.d").mkdir(parents=True)
    (etc / "sources.list").write_text(
        "deb http://mirror.example/debian bookworm main\n"
        "deb http://mirror.example/debian-security bookworm-security main\n"
        "deb http://other.example/tools stable main\n"
    )
    about.write_text('ID=debian\nVERSION_CODENAME="bookworm"\n')
    wanted = replace(settings, release="trixie", options={"kernel": "linux-image-arm64"})
    options = read_options(wanted, etc, about)
    assert debian_options.suites(options.sources) == ["trixie main", "trixie-security main"]


def test_no_password_of_a_mirror_gets_into_the_manifest(settings: Settings) -> None:
    sources = "Types: deb\nURIs: https://me:secret@a.example/debian\nSuites: x\nComponents: main\n"
    found = Debian().source(with_sources(settings, sources))
    assert found == {
        "archives": [{"uris": "https://a.example/debian", "suites": "x", "components": "main"}]
    }
