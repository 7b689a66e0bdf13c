"""What a run leaves behind when it is asked to: small, and without a secret."""

from __future__ import annotations

import json
import os
import re
import secrets
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from picluster.errors import os_errors
from picluster.runner.events import data_of, keep_failures, reason_of
from picluster.runner.hidden import Scrubber

#: Longer events keep the reason only; what Ansible printed ends at so many bytes.
_EVENT_BYTES = 32_768
_OUTPUT_BYTES = 8_000_000
_REASON = 4_000


class Keeper:
    """Writes a run's artefacts in ansible-runner's own layout.

    ``stdout``, ``status``, ``rc``, ``result.json``, and in ``job_events`` a file for each failure.
    Unlike ansible-runner's there is no ``command`` file with the whole environment in it.

    Args:
        parent: folder of all runs; ``None`` to keep nothing.
        action: first part of the run's name.
        scrubber: takes the secrets out.

    Raises:
        PiclusterError: the folder cannot be made.
    """

    def __init__(self, parent: Path | None, action: str, scrubber: Scrubber) -> None:
        self.folder: Path | None = None
        self._scrubber = scrubber
        self._left = _OUTPUT_BYTES
        if parent is None:
            return
        stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        self.folder = Path(parent) / f"{action}-{stamp}-{secrets.token_hex(3)}"
        with os_errors("make the folder of artefacts", self.folder, "name another one"):
            (self.folder / "job_events").mkdir(mode=0o700, parents=True)
            self.folder.chmod(0o700)

    def take(self, raw: dict[str, Any]) -> None:
        """Keep what is worth it of an event."""
        if self.folder is None:
            return
        text = raw.get("stdout")
        if text:
            self._append(self._scrubber.text(str(text)) + "\n")
        if keep_failures(raw) and raw.get("event") != "playbook_on_stats":
            counter, name = int(raw.get("counter", 0)), str(raw.get("uuid", ""))
            safe = re.sub(r"[^0-9A-Za-z-]", "", name)
            self._write(f"job_events/{counter}-{safe}.json", self._short(raw))

    def end(self, status: str, code: int, result: Mapping[str, Any]) -> None:
        """Write how it ended.

        Args:
            status: in one word.
            code: exit status.
            result: plain data.
        """
        if self.folder is not None:
            self._write("status", status)
            self._write("rc", str(code))
            self._write("result.json", json.dumps(self._scrubber.data(result)) + "\n")

    def _short(self, raw: dict[str, Any]) -> str:
        text = json.dumps(self._scrubber.data(raw))
        if len(text) <= _EVENT_BYTES:
            return text
        data, reason = data_of(raw), reason_of(data_of(raw).get("res") or {})
        kept = {key: data.get(key) for key in ("host", "task", "role", "play", "duration")}
        kept["res"] = {"msg": self._scrubber.text(reason)[:_REASON], "shortened": True}
        short = {key: raw.get(key) for key in ("event", "uuid", "counter", "created")}
        return json.dumps({**short, "event_data": self._scrubber.data(kept)})

    def _append(self, text: str) -> None:
        if self._left <= 0:
            return
        self._left -= len(text)
        if self._left <= 0:
            text = "… shortened\n"
        self._write("stdout", text, append=True)

    def _write(self, name: str, text: str, *, append: bool = False) -> None:
        assert self.folder is not None  # noqa: S101 - for the type checker; callers asked
        path = self.folder / name
        flags = os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | (os.O_APPEND if append else os.O_TRUNC)
        with (
            os_errors("write the artefact", path, "make room, or name another folder"),
            os.fdopen(os.open(path, flags, 0o600), "w", encoding="utf-8") as file,
        ):
            file.write(text)
