"""What must never be shown or kept: secrets given to a run, and how they are taken out of text."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

#: What stands in a secret's place.
MASK = "********"
#: A line of a secret of several lines counts by itself from this length on.
_LINE = 12
_SHORT = 4
#: Variables whose values are secrets: PICLUSTER_PDU_PASSWORD, ansible_become_pass and the like.
_NAMED = re.compile(
    r"pass(word|wd|phrase)?($|_)|secret|token|community|credential|private_key", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Secrets:
    """What a run needs and nobody may read afterwards; its ``repr`` shows nothing.

    Attributes:
        variables: extra variables, such as ``ansible_become_password``.
        environment: environment variables, such as ``PICLUSTER_PDU_PASSWORD``.
        passwords: answers by the pattern of the prompt, as ansible-runner's ``env/passwords``.
        ssh_key: a private key for an agent that lives as long as the run.
    """

    variables: Mapping[str, str] = field(default_factory=dict, repr=False)
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    passwords: Mapping[str, str] = field(default_factory=dict, repr=False)
    ssh_key: str | None = field(default=None, repr=False)

    def values(self) -> Iterator[str]:
        """Every secret."""
        for group in (self.variables, self.environment, self.passwords):
            yield from map(str, group.values())
        if self.ssh_key is not None:
            yield self.ssh_key


def named_secrets(variables: Mapping[str, Any]) -> Iterator[str]:
    """Values of variables whose names say that they are secrets.

    One that ends in ``_FILE`` names a file, and what is very short is a switch.
    """
    for name, value in variables.items():
        named = _NAMED.search(name) and not name.upper().endswith("_FILE")
        if named and isinstance(value, str) and len(value) >= _SHORT:
            yield value


class Scrubber:
    """Takes secrets out of text, as they are and as JSON and Python write them.

    Args:
        secrets: the secrets; empty ones are left out.
    """

    def __init__(self, *secrets: str) -> None:
        forms = {form for secret in secrets for form in _forms(secret)}
        longest_first = sorted(forms, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, longest_first))) if forms else None

    def text(self, text: str) -> str:
        """A text without them."""
        return text if self._pattern is None else self._pattern.sub(MASK, text)

    def data(self, data: Any) -> Any:
        """Plain data without them, keys included."""
        if self._pattern is None:
            return data
        if isinstance(data, str):
            return self.text(data)
        if isinstance(data, Mapping):
            return {self.text(str(key)): self.data(value) for key, value in data.items()}
        if isinstance(data, (list, tuple)):
            return [self.data(value) for value in data]
        return MASK if self.text(str(data)) == MASK else data


def _forms(secret: str) -> Iterator[str]:
    lines = [line.strip() for line in secret.splitlines()]
    several = len(lines) > 1
    for text in (secret, secret.strip(), *(one for one in lines if several and len(one) >= _LINE)):
        if text:
            yield from (text, json.dumps(text)[1:-1], repr(text)[1:-1])
            yield json.dumps(text, ensure_ascii=False)[1:-1]
