"""Coverage-guided fuzzing of every file format: ``python tests/fuzz/fuzz_formats.py``.

Runs 60 seconds unless ``-max_total_time`` says otherwise; further arguments go to libFuzzer, a
directory among them is a corpus. Any text has to end in facts or in a refusal.
"""

from __future__ import annotations

import re
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["picluster"]):
    from picluster.errors import PiclusterError
    from picluster.harvest.formats.base import Context
    from picluster.harvest.observation import Observation

    try:
        from picluster.harvest.formats import FORMATS
    except ImportError:
        from picluster.harvest.formats.switch import FORMATS

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures"
CONTEXT = Context("fuzz", datetime(2026, 1, 1, tzinfo=UTC))
MAC = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}", re.ASCII)
LARGEST_SEED = 8192
DEFAULT_TIME = "-max_total_time=60"


def read_all(data: bytes) -> None:
    """Read a text with the formats that take it, else with the one its first byte names."""
    text = data[1:].decode("utf-8", errors="replace")
    matching = [form for form in FORMATS if form.matches(text[: 64 * 1024])]
    for form in matching or [FORMATS[(data[:1] or b"\0")[0] % len(FORMATS)]]:
        try:
            for fact in form.parse(enumerate(text.split("\n"), 1), CONTEXT):
                if isinstance(fact, Observation) and not MAC.fullmatch(fact.mac):
                    raise AssertionError(f"not canonical: {fact.mac!r}")
        except PiclusterError:
            pass


def seeds(folder: Path) -> None:
    """Write the fixtures as a corpus, each with the byte that names no format in front."""
    files = [path for path in sorted(FIXTURES.rglob("*")) if path.is_file()]
    for number, path in enumerate(files):
        (folder / f"{number:04}").write_bytes(b"\0" + path.read_bytes()[:LARGEST_SEED])


def main() -> None:
    """Fuzz for the time given."""
    arguments = sys.argv[1:]
    if not any(argument.startswith("-max_total_time=") for argument in arguments):
        arguments.append(DEFAULT_TIME)
    with tempfile.TemporaryDirectory(prefix="fuzz-formats-") as corpus:
        seeds(Path(corpus))
        atheris.Setup([sys.argv[0], "-timeout=10", *arguments, corpus], read_all)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
