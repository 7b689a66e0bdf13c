# SPDX-License-Identifier: GPL-3.0-or-later
"""The plain arm64 kernel image inside the forms in which distributions package it.

Debian and Oracle's UEK ship the plain image, Red Hat's kernel of EL 10 an EFI program that unpacks
itself (``CONFIG_EFI_ZBOOT``); the firmware of a Pi and QEMU know neither of the latter but take a
plain image, gzipped or not.
"""

from __future__ import annotations

import lzma
import struct
import subprocess
import zlib
from typing import Any

from .provider import BuildError

GZIP = b"\x1f\x8b"
# Documentation/arch/arm64/booting.rst: the magic number of an Image, at byte 56.
IMAGE_MAGIC = b"ARM\x64"
IMAGE_MAGIC_AT = 56
# drivers/firmware/efi/libstub/zboot-header.S: "MZ", two bytes, "zimg", then where the payload is
# (offset and length, little-endian) and at byte 24 how it is compressed.
ZBOOT_HEADER = struct.Struct("<2s2x4sII8x32s")
UNPACK_LIMIT = 256 << 20
ZSTD_TIMEOUT_S = 120


def plain_image(data: bytes, name: str) -> bytes:
    """Give the plain arm64 image of a kernel.

    Args:
        data: the file as it was packaged: plain, gzipped, or EFI zboot, which may be gzipped too.
        name: what to call the file in a message.

    Returns:
        The image, not compressed.

    Raises:
        BuildError: it is none of these, is damaged, or is not a kernel for arm64.
    """
    if data[:2] == GZIP:
        data = _gunzip(data, name)
    mark, form, offset, size, method = ZBOOT_HEADER.unpack(data[:56].ljust(56, b"\0"))
    if (mark, form) == (b"MZ", b"zimg"):
        payload = data[offset : offset + size]
        if len(payload) != size:
            raise BuildError(f"{name} is cut short: {size} bytes of kernel are announced in it")
        data = _unpack(payload, method.rstrip(b"\0").decode("ascii", "replace"), name)
    if data[IMAGE_MAGIC_AT : IMAGE_MAGIC_AT + 4] != IMAGE_MAGIC:
        raise BuildError(f"{name} is not a kernel for arm64; install one for the board")
    return data


def _unpack(payload: bytes, method: str, name: str) -> bytes:
    if method == "gzip":
        return _gunzip(payload, name)
    if method in ("lzma", "xzkern"):
        # Four bytes of length may follow; the decompressor stops at the end of the stream.
        return _unxz(payload, name)
    if method in ("zstd", "zstd22"):
        return _unzstd(payload[:-4], name)
    raise BuildError(
        f"{name} is compressed with {method!r}; gzip, lzma, xz and zstd can be unpacked"
    )


def _gunzip(data: bytes, name: str) -> bytes:
    return _decompress(zlib.decompressobj(wbits=31), data, name)


def _unxz(data: bytes, name: str) -> bytes:
    return _decompress(lzma.LZMADecompressor(), data, name)


def _decompress(unpacker: Any, data: bytes, name: str) -> bytes:
    try:
        image: bytes = unpacker.decompress(data, UNPACK_LIMIT)
    except (zlib.error, lzma.LZMAError) as error:
        raise BuildError(f"{name} is damaged: {error}") from error
    if not unpacker.eof:
        raise BuildError(f"{name} is cut short, or larger than {UNPACK_LIMIT >> 20} MiB unpacked")
    return image


def _unzstd(data: bytes, name: str) -> bytes:
    try:
        done = subprocess.run(
            ["zstd", "--decompress", "--stdout", "--quiet"],
            input=data,
            capture_output=True,
            check=False,
            timeout=ZSTD_TIMEOUT_S,
        )
    except OSError as error:
        raise BuildError(f"cannot unpack {name}: zstd: {error.strerror}; install zstd") from error
    if done.returncode:
        reason = done.stderr.decode(errors="replace").strip()
        raise BuildError(f"{name} is damaged: {reason}")
    return done.stdout
