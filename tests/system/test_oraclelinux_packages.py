"""The package step of Oracle Linux, by the real dnf on a small signed repository.

Scriptlets are programs of the board and run through qemu-user. What is asked of a mirror is
counted by a web server on loopback.
"""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from plugins.module_utils.image_build import emulator
from plugins.module_utils.image_build.oraclelinux import RELEASES, OracleLinux
from plugins.module_utils.image_build.provider import BuildError, Settings
from twin.net import command
from twin.rpm import tiny
from twin.rpm.cached import Signed, ensure_tiny
from twin.rpm.keys import Key
from twin.rpm.repository import Repository
from twin.rpm.server import Mirror

ROOT = Path(__file__).parents[2]
NEEDED = ("createrepo_c", "dnf", "gpg", "mmdebstrap", "rpmbuild", "rpmsign", "unshare")
KERNEL = ("kernel-uek-core", "kernel-uek-modules")
PACKAGES = ("bash", "oraclelinux-release", *KERNEL)
#: What comes along only because another package requires it.
REQUIRED = {"filesystem", "linux-firmware"}


@dataclass
class Watcher:
    """Keeps what a build says of its progress."""

    stages: list[tuple[str, int]] = field(default_factory=list)
    steps: list[tuple[int, str]] = field(default_factory=list)

    def stage(self, name: str, total: int = 0) -> None:
        self.stages.append((name, total))

    def step(self, done: int, what: str = "") -> None:
        self.steps.append((done, what))


@dataclass
class Build:
    """One installation and what it needs.

    Attributes:
        home: holds the root, the cache and the scratch directory.
        settings: what is installed.
        watcher: what was said meanwhile.
    """

    home: Path
    settings: Settings
    watcher: Watcher = field(default_factory=Watcher)

    @property
    def root(self) -> Path:
        return self.home / "root"

    def install(self, **changes: Any) -> dict[str, str]:
        """Install with settings changed; options are changed by their names."""
        options = {**self.settings.options, **changes.pop("options", {})}
        for directory in (self.root, self.settings.work):
            shutil.rmtree(directory, ignore_errors=True)
            directory.mkdir()
        settings = replace(self.settings, options=options, **changes)
        provider = OracleLinux()
        provider.check(settings)
        provider.install(self.root, settings, self.watcher)
        return dict(provider.packages(self.root))


@pytest.fixture(scope="module")
def signed(tmp_path_factory: pytest.TempPathFactory) -> Signed:
    """The tiny repository; skips where it cannot be made. Has programs of the board run here."""
    missing = [name for name in NEEDED if shutil.which(name) is None]
    if os.geteuid() != 0:
        missing.append("root")
    if missing:
        pytest.skip(f"missing here: {', '.join(missing)}")
    # As a build does before anything else: a machine that has just started knows no emulator.
    emulator.ensure(tmp_path_factory.mktemp("emulator"))
    return ensure_tiny()


@pytest.fixture
def build(tmp_path: Path, signed: Signed) -> Build:
    """A build of release 9 from the repository's own directory."""
    for name in ("cache", "work"):
        (tmp_path / name).mkdir()
    options = {
        "mirror": signed.directory.as_uri(),
        "repositories": {
            release: [{"id": f"ol{release}_tiny", "baseurl": "$mirror/"}] for release in RELEASES
        },
        "keys": {release: [str(signed.key)] for release in RELEASES},
        "fingerprints": {release: [signed.fingerprint] for release in RELEASES},
        "repo_gpgcheck": True,
        "excluded_packages": [],
        "excluded_paths": ["usr/lib/firmware/*"],
        "scriptlets_may_fail": [],
    }
    exclude = ("usr/share/doc/*",)
    return Build(
        tmp_path,
        Settings(
            "oraclelinux",
            "9",
            PACKAGES,
            options,
            exclude,
            "",
            tmp_path / "cache",
            tmp_path / "work",
            0,
        ),
    )


@pytest.fixture
def mirror(signed: Signed) -> Iterator[Mirror]:
    """The same repository over HTTP."""
    with Mirror(signed.directory) as server:
        yield server


@pytest.fixture
def other(tmp_path: Path, signed: Signed) -> Callable[[Callable[[Path], object]], Path]:
    """Copies the repository, changes it and indexes it anew, without signed metadata."""

    def make(change: Callable[[Path], object]) -> Path:
        copy = tmp_path / "other"
        shutil.copytree(signed.directory, copy)
        shutil.rmtree(copy / "repodata")
        change(copy)
        Repository(copy).index()
        return copy

    return make


def entries(directory: Path) -> set[str]:
    return {str(path.relative_to(directory)) for path in directory.rglob("*")}


def mounts_below(directory: Path) -> list[str]:
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    return [line.split()[4] for line in lines if line.split()[4].startswith(str(directory))]


def test_packages_their_dependencies_and_scriptlets_are_installed(build: Build) -> None:
    installed = build.install()
    assert set(installed) == {"bash", "oraclelinux-release-el9", *KERNEL} | REQUIRED
    assert installed["bash"] == "1.0-1.el9.aarch64"
    assert (build.root / "var/lib/scriptlet").read_text() == "aarch64\n"
    assert (build.root / "bin").readlink() == Path("usr/bin")
    assert not (build.root / "usr/lib/firmware").exists()
    assert mounts_below(build.home) == []
    kernel = OracleLinux().kernel(build.root)
    assert kernel.version == tiny.KERNEL
    assert kernel.image.read_bytes() == tiny.IMAGE
    assert list(kernel.device_trees.rglob("*.dtb")) == [
        kernel.device_trees / "broadcom" / "bcm2837-rpi-3-b-plus.dtb"
    ]


def test_the_packages_asked_for_decide(build: Build) -> None:
    assert "nano" in build.install(packages=(*PACKAGES, "nano"))
    assert (build.root / "usr/bin/nano").exists()
    assert not (build.root / "usr/share/doc/nano").exists()
    assert "nano" not in build.install()
    assert not (build.root / "usr/bin/nano").exists()


@pytest.mark.parametrize("release", RELEASES)
def test_the_package_database_lies_where_the_release_looks(build: Build, release: str) -> None:
    installed = build.install(release=release)
    OracleLinux().clean(build.root)
    directory = build.root / RELEASES[release].lstrip("/")
    assert entries(directory) == {"rpmdb.sqlite"}
    with sqlite3.connect(f"file:{directory}/rpmdb.sqlite?mode=ro", uri=True) as database:
        # A read-only root has no place for the files of a write-ahead log.
        assert database.execute("PRAGMA journal_mode").fetchone() == ("delete",)
    database.close()
    answer = command(["rpm", "--dbpath", str(directory), "-q", "--qf", "%{VERSION}", "bash"])
    assert answer == installed["bash"].partition("-")[0]
    command(["rpm", "--dbpath", str(directory), "--verifydb"])


def test_nothing_of_dnf_is_left_in_a_cleaned_root(build: Build) -> None:
    build.install()
    OracleLinux().clean(build.root)
    left = {path for path in entries(build.root) if "dnf" in path or "hawkey" in path}
    assert left == set()
    assert not (build.root / "etc/kernel").exists()
    assert [*(build.root / "dev").iterdir(), *(build.root / "run").iterdir()] == []


def test_the_builder_keeps_its_own_keys_and_database(build: Build) -> None:
    def state() -> str:
        return command(["rpm", "-qa", "gpg-pubkey"])

    before = state()
    build.install()
    assert state() == before
    keys = command(["rpm", "--dbpath", f"{build.root}/var/lib/rpm", "-qa", "gpg-pubkey"])
    assert len(keys.split()) == 1


def test_progress_counts_downloads_and_packages(build: Build, mirror: Mirror) -> None:
    build.install(options={"mirror": mirror.url})
    total = len({"bash", "oraclelinux-release-el9", *KERNEL} | REQUIRED)
    assert build.watcher.stages == [
        ("read repositories", 0),
        ("download packages", total),
        ("install packages", total),
    ]
    assert [done for done, _ in build.watcher.steps] == [*range(1, total + 1)] * 2
    assert build.watcher.steps[total][1].startswith("filesystem-")


def test_downloads_are_kept_and_those_no_longer_used_are_not(build: Build, mirror: Mirror) -> None:
    options = {"mirror": mirror.url}
    build.install(packages=(*PACKAGES, "nano"), options=options)
    assert f"/nano-{tiny.VERSION}-{tiny.RELEASE}.aarch64.rpm" in mirror.asked
    mirror.asked.clear()
    build.install(options=options)
    assert [path for path in mirror.asked if path.endswith(".rpm")] == []
    build.install(packages=(*PACKAGES, "nano"), options=options)
    assert [path for path in mirror.asked if path.endswith(".rpm")] == [
        f"/nano-{tiny.VERSION}-{tiny.RELEASE}.aarch64.rpm"
    ]


def test_a_key_may_be_fetched_when_its_fingerprint_is_known(build: Build, signed: Signed) -> None:
    with Mirror(signed.key.parent) as server:
        keys = {"keys": {"9": ["$mirror/key.asc"]}, "mirror": server.url}
        repositories = {"9": [{"id": "tiny", "baseurl": "$mirror/repo"}]}
        assert "bash" in build.install(options={**keys, "repositories": repositories})


def test_a_key_with_another_fingerprint_is_refused_before_anything(
    build: Build, mirror: Mirror
) -> None:
    other = "0" * 40
    with pytest.raises(BuildError, match=r"has the fingerprint [0-9A-F]{40}, which is not in"):
        build.install(options={"mirror": mirror.url, "fingerprints": {"9": [other]}})
    assert mirror.asked == []
    assert entries(build.root) == set()


@pytest.mark.parametrize("metadata", [True, False])
def test_a_wrong_key_is_refused(build: Build, metadata: bool) -> None:
    with Key.make(build.home / "stranger", "Stranger <stranger@example.invalid>") as key:
        (build.home / "stranger.asc").write_text(key.public())
        options = {
            "keys": {"9": [f"{build.home}/stranger.asc"]},
            "fingerprints": {"9": [key.fingerprint()]},
            "repo_gpgcheck": metadata,
        }
        what = "the metadata of ol9_tiny is not signed by" if metadata else "not signed by a key of"
        # The metadata's keys of an earlier build must not be trusted any longer.
        build.install()
        with pytest.raises(BuildError, match=what):
            build.install(options=options)
    assert not (build.root / "usr").exists()


def test_an_unsigned_package_is_refused(
    build: Build, other: Callable[[Callable[[Path], object]], Path]
) -> None:
    def unsign(copy: Path) -> None:
        (package,) = copy.glob("nano-*.rpm")
        command(["rpmsign", "--delsign", str(package)])

    options = {"mirror": other(unsign).as_uri(), "repo_gpgcheck": False}
    with pytest.raises(BuildError, match=r"^not signed: nano-1\.0-1\.el9\.aarch64\.rpm; "):
        build.install(packages=(*PACKAGES, "nano"), options=options)
    assert not (build.root / "usr").exists()
    assert "bash" in build.install(options=options)


def test_a_changed_package_is_refused(
    build: Build, other: Callable[[Callable[[Path], object]], Path]
) -> None:
    def swap(copy: Path) -> None:
        (package,) = copy.glob("nano-*.rpm")
        data = bytearray(package.read_bytes())
        data[-10] ^= 0xFF
        package.write_bytes(data)

    options = {"mirror": other(swap).as_uri(), "repo_gpgcheck": False}
    with pytest.raises(BuildError, match=r"^not what was signed: nano-1\.0-1\.el9"):
        build.install(packages=(*PACKAGES, "nano"), options=options)
    assert not (build.root / "usr/bin/nano").exists()


def test_a_mirror_that_stops_half_way_is_named_with_the_file(build: Build, mirror: Mirror) -> None:
    package = f"bash-{tiny.VERSION}-{tiny.RELEASE}.aarch64.rpm"
    for fault in (mirror.cut, mirror.missing):
        fault.add(package)
        with pytest.raises(BuildError, match=f"the mirror did not send {package} whole; try again"):
            build.install(options={"mirror": mirror.url})
        fault.clear()
    assert not (build.root / "usr").exists()
    mirror.cut.add("repomd.xml")
    with pytest.raises(BuildError, match="cannot read the metadata of ol9_tiny; check the network"):
        build.install(options={"mirror": mirror.url})
    mirror.cut.clear()
    assert "bash" in build.install(options={"mirror": mirror.url})


def test_without_a_network_the_repository_and_the_remedy_are_named(build: Build) -> None:
    with pytest.raises(
        BuildError, match=r"cannot read the metadata of ol9_tiny.*Failed to connect"
    ):
        build.install(options={"mirror": "http://127.0.0.1:9"})
    with pytest.raises(BuildError, match=r"cannot read http://127\.0\.0\.1:9/repodata/repomd\.xml"):
        OracleLinux().newest(
            replace(
                build.settings, options={**build.settings.options, "mirror": "http://127.0.0.1:9"}
            )
        )


def test_an_unknown_package_is_named(build: Build) -> None:
    with pytest.raises(BuildError, match="no repository has nonsuch; correct node_image_packages"):
        build.install(packages=(*PACKAGES, "nonsuch"))


def test_an_excluded_package_is_never_installed(build: Build) -> None:
    with pytest.raises(BuildError, match=r"nano"):
        build.install(packages=(*PACKAGES, "nano"), options={"excluded_packages": ["na*"]})


def test_a_scriptlet_that_fails_is_told_unless_it_may(build: Build) -> None:
    packages = (*PACKAGES, "broken")
    message = r"^a scriptlet failed: broken: POSTIN: .*exit status 3; add .*scriptlets_may_fail$"
    with pytest.raises(BuildError, match=message):
        build.install(packages=packages)
    installed = build.install(packages=packages, options={"scriptlets_may_fail": ["broken"]})
    assert "broken" in installed


def test_a_file_of_a_user_nobody_makes_is_told(build: Build) -> None:
    with pytest.raises(BuildError, match=r"no package makes .*: nemo \(/usr/share/orphan\); "):
        build.install(packages=(*PACKAGES, "orphan"))


def test_a_full_disk_is_told(build: Build) -> None:
    build.root.mkdir()
    command(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(build.root)])
    try:
        provider = OracleLinux()
        with pytest.raises(BuildError, match="the disk is full; make room where images are built"):
            provider.install(build.root, build.settings, build.watcher)
    finally:
        command(["umount", str(build.root)])


def test_no_kernel_and_two_kernels_are_refused(build: Build) -> None:
    with pytest.raises(BuildError, match="no kernel with device trees is installed"):
        build.install(packages=("bash",))
    build.install()
    second = build.root / "usr/lib/modules/6.0.0"
    shutil.copytree(build.root / f"usr/lib/modules/{tiny.KERNEL}", second)
    with pytest.raises(
        BuildError, match=f"2 kernels are installed, one must be: 6.0.0, {tiny.KERNEL}"
    ):
        OracleLinux().kernel(build.root)


def test_the_newest_state_changes_with_the_metadata_and_not_with_the_mirror(
    build: Build, mirror: Mirror, other: Callable[[Callable[[Path], object]], Path]
) -> None:
    def newest(address: str) -> str:
        options = {**build.settings.options, "mirror": address}
        return OracleLinux().newest(replace(build.settings, options=options))

    first = newest(build.settings.options["mirror"])
    assert first == newest(mirror.url)
    (nano,) = [path.name for path in Path(mirror.directory).glob("nano-*")]
    assert first != newest(other(lambda copy: (copy / nano).unlink()).as_uri())


KILLED = """
import sys
from pathlib import Path
from plugins.module_utils.image_build import emulator
from plugins.module_utils.image_build.oraclelinux import OracleLinux
from plugins.module_utils.image_build.provider import Settings
class Progress:
    def stage(self, name, total=0):
        print(name, flush=True)
    def step(self, done, what=""):
        pass
home, mirror, key, fingerprint = sys.argv[1:]
settings = Settings("oraclelinux", "9", ("bash", "oraclelinux-release", "kernel-uek-core"), {
    "mirror": mirror, "repositories": {"9": [{"id": "tiny", "baseurl": "$mirror/"}]},
    "keys": {"9": [key]}, "fingerprints": {"9": [fingerprint]}, "repo_gpgcheck": False,
    "excluded_packages": [], "excluded_paths": [], "scriptlets_may_fail": []}, (), "",
    Path(home, "cache"), Path(home, "work"), 0)
Path(home, "root").mkdir()
OracleLinux().install(Path(home, "root"), settings, Progress())
"""


def test_a_kill_leaves_no_mount_and_no_process(
    build: Build, signed: Signed, mirror: Mirror
) -> None:
    mirror.stalled.add(f"bash-{tiny.VERSION}-{tiny.RELEASE}.aarch64.rpm")
    words = [str(build.home), mirror.url, str(signed.key), signed.fingerprint]
    with subprocess.Popen(
        [sys.executable, "-c", KILLED, *words], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "read repositories\n"
        end = time.monotonic() + 60
        while not any("bash" in path for path in mirror.asked) and time.monotonic() < end:
            time.sleep(0.05)
        process.send_signal(signal.SIGKILL)
        process.wait(30)
    mirror.stalled.clear()
    while (left := processes_with(build.home)) and time.monotonic() < end:
        time.sleep(0.1)
    assert left == []
    assert mounts_below(build.home) == []


def processes_with(directory: Path) -> list[str]:
    """Command lines that name a directory."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue
        if str(directory) in words and "pytest" not in words:
            found.append(words)
    return found
