"""Kernels in every form in which distributions package them."""

from __future__ import annotations

import gzip
import lzma
import shutil
import struct
import subprocess

import pytest

from plugins.module_utils.image_build.kernel_image import plain_image
from plugins.module_utils.image_build.provider import BuildError

BODY = bytes(range(256)) * 64
PLAIN = b"MZ\x40\xfa" + BODY[4:56] + b"ARM\x64" + BODY[60:]


def zboot(method: bytes, payload: bytes, *, announced: int | None = None) -> bytes:
    """An EFI zboot image, laid out as zboot-header.S does it: stub, header, payload."""
    start = 0x1000
    size = len(payload) if announced is None else announced
    header = struct.pack("<2s2x4sII8x32s", b"MZ", b"zimg", start, size, method)
    return header.ljust(start, b"\0") + payload + b"the stub's own code"


def sized(data: bytes) -> bytes:
    """What the kernel's build appends for decompressors other than gzip: the unpacked size."""
    return data + struct.pack("<I", len(PLAIN))


@pytest.mark.parametrize(
    "packaged",
    [
        pytest.param(PLAIN, id="plain"),
        pytest.param(gzip.compress(PLAIN), id="gzip"),
        pytest.param(zboot(b"gzip", gzip.compress(PLAIN)), id="zboot gzip"),
        pytest.param(gzip.compress(zboot(b"gzip", gzip.compress(PLAIN))), id="gzip of zboot"),
        pytest.param(
            zboot(b"xzkern", sized(lzma.compress(PLAIN, check=lzma.CHECK_CRC32))), id="xz"
        ),
        pytest.param(
            zboot(b"lzma", sized(lzma.compress(PLAIN, format=lzma.FORMAT_ALONE))), id="lzma"
        ),
    ],
)
def test_the_plain_image_is_found_in_every_form(packaged: bytes) -> None:
    assert plain_image(packaged, "vmlinuz") == PLAIN


@pytest.mark.skipif(shutil.which("zstd") is None, reason="no zstd here")
@pytest.mark.parametrize("method", [b"zstd", b"zstd22"])
def test_zstd_is_unpacked_by_its_program(method: bytes) -> None:
    packed = subprocess.run(
        ["zstd", "--quiet"], input=PLAIN, capture_output=True, check=True
    ).stdout
    assert plain_image(zboot(method, sized(packed)), "vmlinuz") == PLAIN


@pytest.mark.parametrize(
    ("packaged", "reason"),
    [
        (b"", "not a kernel for arm64"),
        (b"MZ" + bytes(100), "not a kernel for arm64"),
        (gzip.compress(PLAIN)[:-20], "cut short"),
        (b"\x1f\x8b" + bytes(100), "damaged"),
        (zboot(b"gzip", gzip.compress(PLAIN), announced=1 << 30), "cut short"),
        (zboot(b"gzip", gzip.compress(PLAIN)[:-20]), "cut short"),
        (zboot(b"xzkern", b"no xz stream"), "damaged"),
        (zboot(b"xzkern", lzma.compress(PLAIN)[:-40]), "cut short"),
        (zboot(b"lz4", b"whatever"), "compressed with 'lz4'"),
    ],
)
def test_a_kernel_that_cannot_be_used_is_refused(packaged: bytes, reason: str) -> None:
    with pytest.raises(BuildError, match=reason) as caught:
        plain_image(packaged, "boot/vmlinuz-9")
    assert "boot/vmlinuz-9" in str(caught.value)
