"""Secrets are taken out of text and data, however they are written there."""

from __future__ import annotations

import json

import pytest

from picluster.runner import Secrets
from picluster.runner.hidden import MASK, Scrubber, named_secrets

KEY = "-----BEGIN KEY-----\nAAAAB3NzaC1yc2EAAAADAQABAAAB\nshort\n-----END KEY-----\n"
SECRET = 'päss "word"\\1'


@pytest.mark.parametrize(
    "text",
    [
        SECRET,
        f"before {SECRET} after",
        json.dumps({"x": SECRET}),
        json.dumps({"x": SECRET}, ensure_ascii=False),
        repr({"x": SECRET}),
    ],
)
def test_a_secret_is_gone_in_every_writing(text: str) -> None:
    said = Scrubber(SECRET).text(text)
    assert MASK in said
    assert "word" not in said


def test_a_key_is_gone_whole_and_line_by_line() -> None:
    scrubber = Scrubber(KEY)
    assert scrubber.text(f"a{KEY}b") == f"a{MASK}b"
    assert scrubber.text(json.dumps(KEY)) == f'"{MASK}"'
    assert "AAAAB3" not in scrubber.text("line 2 is AAAAB3NzaC1yc2EAAAADAQABAAAB")
    assert scrubber.text("a short text") == "a short text"


def test_data_is_cleaned_at_every_depth() -> None:
    data = {"a": ["x", {"s3cret": 1}], "b": ("s3cret!", None, True), "s": 4711}
    assert Scrubber("s3cret", "4711").data(data) == {
        "a": ["x", {MASK: 1}],
        "b": [f"{MASK}!", None, True],
        "s": MASK,
    }


def test_nothing_to_hide_changes_nothing() -> None:
    data = {"a": (1, "x")}
    assert Scrubber().data(data) is data
    assert Scrubber("").text("x") == "x"


def test_a_longer_secret_goes_before_one_it_begins_with() -> None:
    assert Scrubber("abcd", "abcdef").text("abcdef abcd") == f"{MASK} {MASK}"


def test_variables_are_secrets_by_their_names() -> None:
    given = {
        "PICLUSTER_PDU_PASSWORD": "alpha",
        "PICLUSTER_PDU_PASSWORD_PDU_1": "beta",
        "PICLUSTER_PDU_PASSWORD_FILE": "/etc/picluster/pdu",
        "ansible_become_pass": "gamma",
        "API_TOKEN": "delta",
        "PICLUSTER_PDU_COMMUNITY": "epsilon",
        "PASSENGERS": "seventeen",
        "campaign_quorum": "0.95",
        "USE_SECRET": "1",
        "a_secret": True,
    }
    assert set(named_secrets(given)) == {"alpha", "beta", "gamma", "delta", "epsilon"}


def test_secrets_do_not_show_themselves() -> None:
    secrets = Secrets({"a": "v-one"}, {"b": "v-two"}, {"c": "v-three"}, "v-four")
    assert "v-" not in repr(secrets)
    assert list(secrets.values()) == ["v-one", "v-two", "v-three", "v-four"]
