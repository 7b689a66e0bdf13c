import os
import resource
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from picluster.atomic import write_atomically
from picluster.errors import PiclusterError


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_new_file_gets_the_mode_of_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write_atomically(tmp_path / "new", "text\r\nß")
    finally:
        os.umask(before)
    assert (tmp_path / "new").read_bytes() == "text\r\nß".encode()
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o640
    assert names(tmp_path) == ["new"]


@pytest.mark.parametrize("mode", [0o600, 0o664, 0o444])
def test_the_mode_is_kept(tmp_path: Path, mode: int) -> None:
    file = tmp_path / "file"
    file.write_text("old")
    file.chmod(mode)
    write_atomically(file, "new")
    assert (file.read_text(), stat.S_IMODE(file.stat().st_mode)) == ("new", mode)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_the_owner_is_kept(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("old")
    os.chown(file, 65534, 65533)
    write_atomically(file, "new")
    assert (file.stat().st_uid, file.stat().st_gid) == (65534, 65533)


def test_a_link_stays_and_its_target_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    target, link = tmp_path / "there" / "target", tmp_path / "link"
    target.write_text("old")
    link.symlink_to(Path("there") / "target")
    write_atomically(link, "new")
    assert link.readlink() == Path("there") / "target"
    assert target.read_text() == "new"
    assert names(tmp_path / "there") == ["target"]


def test_a_file_too_large_leaves_the_old_one_and_nothing_else(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("old")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        with pytest.raises(PiclusterError) as refused:
            write_atomically(file, "x" * 100_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert str(refused.value) == (
        f"{file}: cannot write the file: File too large; the old one is as it was"
    )
    assert file.read_text() == "old"
    assert names(tmp_path) == ["file"]


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small disk needs root")
def test_a_full_disk_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(tmp_path)],
        check=False, capture_output=True,
    )  # fmt: skip
    if made.returncode:
        pytest.skip("no tmpfs can be mounted here")
    try:
        file = tmp_path / "file"
        file.write_text("old")
        with pytest.raises(PiclusterError) as refused:
            write_atomically(file, "x" * 200_000)
        found = (str(refused.value), file.read_text(), names(tmp_path))
    finally:
        subprocess.run(["umount", str(tmp_path)], check=True)
    assert found == (
        f"{file}: cannot write the file: No space left on device; the old one is as it was",
        "old",
        ["file"],
    )


def test_a_missing_folder_is_one_message(tmp_path: Path) -> None:
    with pytest.raises(PiclusterError) as refused:
        write_atomically(tmp_path / "no" / "file", "new")
    assert str(refused.value) == (
        f"{tmp_path}/no/file: cannot write the file: No such file or directory; "
        "the old one is as it was"
    )


_WRITER = """
import sys
from pathlib import Path
from picluster.atomic import write_atomically
path, texts = Path(sys.argv[1]), [letter * 300_000 for letter in "ab"]
print("ready", flush=True)
while True:
    for text in texts:
        write_atomically(path, text)
"""


def test_a_killed_writer_leaves_one_text_or_the_other(tmp_path: Path) -> None:
    file = tmp_path / "file"
    whole = {"a" * 300_000, "b" * 300_000}
    file.write_text("a" * 300_000)
    for round_ in range(8):
        with subprocess.Popen(
            [sys.executable, "-c", _WRITER, str(file)], stdout=subprocess.PIPE
        ) as child:
            assert child.stdout is not None
            assert child.stdout.readline() == b"ready\n"
            time.sleep(0.003 + 0.0041 * round_)
            child.kill()
        assert file.read_text() in whole
