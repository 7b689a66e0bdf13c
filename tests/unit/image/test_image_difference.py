"""What differs between two versions."""

from picluster.image.difference import Change, difference

OLD = {
    "provider": "debian",
    "release": "bookworm",
    "root": "tree",
    "kernel": "6.1.0-50-arm64",
    "packages": {"bash": "5.2-1", "gone": "1"},
    "boot": {"kernel8.img": {"size": 10, "sha256": "a" * 64}},
    "sizes": {"root_bytes": 100},
}


def test_a_version_is_like_itself() -> None:
    assert difference(OLD, OLD) == []


def test_every_kind_of_change_is_named() -> None:
    new = {
        **OLD,
        "root": "squashfs",
        "kernel": "6.1.0-56-arm64",
        "packages": {"bash": "5.2-2", "new": "3"},
        "boot": {
            "kernel8.img": {"size": 11, "sha256": "b" * 64},
            "initramfs8": {"size": 5, "sha256": "c" * 64},
        },
        "sizes": {"root_bytes": 100, "squashfs_bytes": 40},
    }
    assert difference(OLD, new) == [
        Change("input", "root", "tree", "squashfs"),
        Change("kernel", "kernel", "6.1.0-50-arm64", "6.1.0-56-arm64"),
        Change("package", "bash", "5.2-1", "5.2-2"),
        Change("package", "gone", "1", ""),
        Change("package", "new", "", "3"),
        Change("boot file", "initramfs8", "", "5 bytes, cccccccccccc"),
        Change("boot file", "kernel8.img", "10 bytes, aaaaaaaaaaaa", "11 bytes, bbbbbbbbbbbb"),
        Change("size", "squashfs_bytes", "", "40"),
    ]


def test_a_damaged_manifest_differs_in_everything_it_lacks() -> None:
    assert [change.new for change in difference(OLD, {})] == [""] * 8
