"""Which files a board asks for, in which order: pure, driven by the answers.

The order is that of a 3B+ booting into Linux (a dnsmasq log of 2025), and, for boards that find
no 64-bit kernel, of the 3B logs with root fall-back. A board looks whether a file is there before
it reads it: such a probe is a read it breaks off with "Early terminate".
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from enum import StrEnum

from twin.rom.config_txt import Board, Config, parse_config
from twin.rom.content import Kind

_INCLUDES_MAX = 8
#: Block size that start.elf asks for; assumed: seen in requests of a Pi 4 (rpi-eeprom #74).
START_BLKSIZE = 1024


class Stage(StrEnum):
    """How far a board came."""

    OFF = "off"  # no power yet, or waiting for its first DISCOVER
    DHCP = "dhcp"  # asked for an address, got no usable offer
    TFTP = "tftp"  # asks for bootcode.bin and what that one loads
    START = "start"  # runs start.elf
    KERNEL = "kernel"  # has everything Linux needs to start


@dataclass(frozen=True, slots=True)
class Ask:
    """One request for a file.

    Attributes:
        path: name as it goes into the request.
        read: read it; otherwise only look whether it is there.
        kind: what it has to be.
        tsize: ask for its length.
        blksize: block size to ask for; 0 for none.
        keep: hand its bytes back (small text files).
    """

    path: str
    read: bool = True
    kind: Kind = Kind.ANY
    tsize: bool = False
    blksize: int = 0
    keep: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a request: whether the file is there, and its bytes when they were wanted."""

    found: bool
    data: bytes = b""


class BootStop(Exception):  # noqa: N818 - an end, seldom an error
    """The board stops for good; the message is the reason."""


#: Yields requests and stages reached; is sent an answer for each request.
Sequence = Generator[Ask | Stage, Answer | None, None]
_Asking = Generator[Ask | Stage, Answer | None, Answer]
_Finding = Generator[Ask | Stage, Answer | None, bool]


def rom_files() -> Sequence:
    """The ROM: bootcode.bin has to be there, bootsig.bin need not."""
    answer = yield from _ask(Ask("bootcode.bin", kind=Kind.BOOTCODE))
    if not answer.found:
        raise BootStop("bootcode.bin: not found on the TFTP server")
    yield from _ask(Ask("bootsig.bin"))


def firmware_files(board: Board, serial: str) -> Sequence:
    """bootcode.bin, then start.elf, up to the kernel.

    Args:
        board: the model.
        serial: 8 hex digits: the folder tried first.
    """
    loader = _Loader(f"{serial}/")
    if not (yield from loader.there("start.elf")):
        loader.prefix = ""  # everything comes from the root then
    yield from loader.read("autoboot.txt", keep=True)
    if loader.prefix:
        yield from loader.there("start.elf")
    config = yield from _config(loader, board, serial)
    yield from loader.there("recovery.elf")
    start, fixup = config.start_files
    yield from loader.must(start, Kind.START)
    yield from loader.must(fixup)
    yield Stage.START
    loader.become_start()
    yield from _start(loader, board, serial)
    yield Stage.KERNEL


class _Loader:
    """Asks below a prefix, first as bootcode.bin does, then as start.elf does."""

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix
        self.blksize = 0
        self.looks_first = False

    def become_start(self) -> None:
        """From now on ask as start.elf does."""
        self.blksize = START_BLKSIZE
        self.looks_first = True

    def there(self, name: str) -> _Finding:
        """Look whether a file is there."""
        return (yield from _ask(self.probe(name))).found

    def probe(self, name: str) -> Ask:
        """The request that only looks."""
        return Ask(self.prefix + name, read=False, tsize=True, blksize=self.blksize)

    def read(self, name: str, kind: Kind = Kind.ANY, *, keep: bool = False) -> _Asking:
        """Read a file that may be missing."""
        path = self.prefix + name
        return (yield from _ask(Ask(path, True, kind, True, self.blksize, keep)))

    def must(self, name: str, kind: Kind = Kind.ANY) -> Sequence:
        """Read a file the board cannot do without."""
        if not (yield from self.read(name, kind)).found:
            raise BootStop(f"{self.prefix}{name}: not found on the TFTP server")

    def probed(self, name: str, kind: Kind = Kind.ANY, *, keep: bool = False) -> _Asking:
        """Look first, then read, as start.elf does."""
        if not (yield from self.there(name)):
            return Answer(found=False)
        return (yield from self.read(name, kind, keep=keep))


def _start(loader: _Loader, board: Board, serial: str) -> Sequence:
    """start.elf: config.txt again and again, then all that config.txt names."""
    yield from loader.there("recovery.elf")
    yield from _config(loader, board, serial)
    yield from loader.there("dt-blob.bin")
    yield from loader.there("recovery.elf")
    config = yield from _config(loader, board, serial)
    yield from loader.there("bootcfg.txt")
    kernel = yield from _choose_kernel(loader, config)
    for name in config.initramfs_of(kernel):
        yield from _initramfs(loader, config.os_prefix + name)
    yield from _device_tree(loader, config, board, serial)
    yield from loader.probed(config.os_prefix + config.cmdline, keep=True)
    yield from _armstub(loader, config)
    if not (yield from loader.there(kernel)):
        raise BootStop(f"{loader.prefix}{kernel}: not found on the TFTP server")
    yield from loader.must(kernel, Kind.KERNEL)


def _config(
    loader: _Loader, board: Board, serial: str
) -> Generator[Ask | Stage, Answer | None, Config]:
    read = loader.probed if loader.looks_first else loader.read
    answer = yield from read("config.txt", keep=True)
    data, included = answer.data, 0
    config = parse_config(data, board, serial)
    while included < min(len(config.includes), _INCLUDES_MAX):
        more = yield from loader.read(config.includes[included], keep=True)
        included += 1
        # Settings of the included file hold as if they stood at the end, for every board.
        data += b"\n[all]\n" + more.data
        config = parse_config(data, board, serial)
    return config


def _choose_kernel(loader: _Loader, config: Config) -> Generator[Ask | Stage, Answer | None, str]:
    """Look for a recovery image, then for kernels; name the one to load."""
    wide = config.flag("arm_64bit")
    for name in _names("recovery", ".img", wide=wide):
        if (yield from loader.there(config.os_prefix + name)):
            return config.os_prefix + name
    if config.values.get("kernel"):
        chosen = config.values["kernel"]
    else:
        found: list[str] = []
        for name in _names("kernel", ".img", wide=wide):
            answer = yield from _ask(loader.probe(config.os_prefix + name))
            found += [name] if answer.found else []
        # A board in 32-bit mode takes the 64-bit kernel only when there is nothing else.
        found.sort(key=lambda name: name == "kernel8.img")
        chosen = found[0] if found else "kernel8.img"
    yield from loader.there(config.os_prefix + chosen)  # looked at once more in every log
    return config.os_prefix + chosen


def _initramfs(loader: _Loader, name: str) -> Sequence:
    for _ in range(3):  # three probes in every log
        if not (yield from loader.there(name)):
            raise BootStop(f"{loader.prefix}{name}: not found on the TFTP server")
    yield from loader.must(name, Kind.INITRAMFS)


def _device_tree(loader: _Loader, config: Config, board: Board, serial: str) -> Sequence:
    name = config.device_tree(board)
    if not name:
        return
    tree = yield from loader.probed(config.os_prefix + name, Kind.DEVICE_TREE)
    if not tree.found:
        raise BootStop(f"{loader.prefix}{config.os_prefix}{name}: not found on the TFTP server")
    folder = config.values.get("overlay_prefix", "overlays/")
    if config.os_prefix and (yield from loader.there(f"{config.os_prefix}{folder}README")):
        folder = config.os_prefix + folder
    yield from loader.probed(folder + "overlay_map.dtb")
    yield from _config(loader, board, serial)
    for overlay in config.overlays:
        yield from loader.probed(f"{folder}{overlay}.dtbo")


def _armstub(loader: _Loader, config: Config) -> Sequence:
    if "armstub" in config.values:
        yield from loader.must(config.values["armstub"])
        return
    for name in _names("armstub", ".bin", wide=config.flag("arm_64bit")):
        if (yield from loader.probed(name)).found:
            return


def _names(stem: str, ending: str, *, wide: bool) -> list[str]:
    suffixes = ("8",) if wide else ("8", "8-32", "7", "")
    return [f"{stem}{suffix}{ending}" for suffix in suffixes]


def _ask(ask: Ask) -> _Asking:
    answer = yield ask
    return answer or Answer(found=False)
