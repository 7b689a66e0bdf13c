# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of the provider ``oraclelinux``, checked."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .dnf_root import Repository
from .provider import BuildError, Settings

PREFIX = "node_image_oraclelinux_"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]*", re.ASCII)
ADDRESS = re.compile(r"(?:\$mirror|https?://|file:///)[!-~]*", re.ASCII)
PROXY = re.compile(r"https?://[!-~]+", re.ASCII)
PACKAGE = re.compile(r"[A-Za-z0-9@/*][A-Za-z0-9@/*?+_.:~^-]*", re.ASCII)
TREE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+/-]*/\*", re.ASCII)
FINGERPRINT = re.compile(r"[0-9A-F]{40}|[0-9A-F]{64}", re.ASCII)


@dataclass(frozen=True)
class Options:
    """The options for one release.

    Attributes:
        mirror: URL that ``$mirror`` in an address stands for, without a slash at its end.
        repositories: those in use.
        keys: public keys: ASCII armour, an address, or a path on the builder.
        fingerprints: the only keys that are taken; empty where all are given on the builder.
        repo_gpgcheck: metadata must be signed too.
        excluded_packages: patterns of packages that are never installed.
        excluded_paths: trees that are not written, as ``usr/lib/firmware/*``.
        scriptlets_may_fail: packages whose scriptlets may fail.
    """

    mirror: str
    repositories: tuple[Repository, ...]
    keys: tuple[str, ...]
    fingerprints: tuple[str, ...]
    repo_gpgcheck: bool
    excluded_packages: tuple[str, ...]
    excluded_paths: tuple[str, ...]
    scriptlets_may_fail: tuple[str, ...]

    def address(self, template: str, release: str) -> str:
        """Fill in an address as dnf does, ending in a slash where it names a repository."""
        values = {"mirror": self.mirror, "releasever": release, "basearch": "aarch64"}
        return re.sub(r"\$\{?(mirror|releasever|basearch)\}?", lambda hit: values[hit[1]], template)


def read_options(settings: Settings, releases: Mapping[str, str]) -> Options:
    """Check the options for the release of the settings.

    Args:
        settings: with the options as the role's variables give them.
        releases: the releases the provider knows.

    Raises:
        BuildError: an unknown release, or an option that is missing, of the wrong type or form;
            the message names the variable.
    """
    release = settings.release
    if release not in releases:
        raise BuildError(
            f"Oracle Linux {release!r} is not known here; set node_image_release to one of "
            + ", ".join(releases)
        )
    options = settings.options
    keys = _texts(options, "keys", release)
    allowed = tuple(
        text.replace(" ", "").upper() for text in _texts(options, "fingerprints", release, least=0)
    )
    _all_match(allowed, FINGERPRINT, "fingerprints", "40 or 64 hex digits")
    if not allowed and any(is_fetched(key) for key in keys):
        raise BuildError(
            f"a key is fetched, and {PREFIX}fingerprints does not say which; set the fingerprints "
            f"for release {release}, or give the key itself in {PREFIX}keys"
        )
    mirror = _text(options, "mirror")
    _all_match((mirror,), ADDRESS, "mirror", "an http, https or file address")
    if settings.proxy and not PROXY.fullmatch(settings.proxy):
        raise BuildError("node_image_proxy is not an http or https address")
    excluded = _texts(options, "excluded_packages", least=0)
    _all_match(excluded, PACKAGE, "excluded_packages", "a name or pattern of packages")
    paths = _texts(options, "excluded_paths", least=0)
    _all_match(paths, TREE, "excluded_paths", "a directory and /*, such as usr/lib/firmware/*")
    for name in settings.packages:
        if not PACKAGE.fullmatch(name):
            raise BuildError(f"not a package: {name!r}; correct node_image_packages")
    return Options(
        mirror=mirror.rstrip("/"),
        repositories=_repositories(options, release),
        keys=keys,
        fingerprints=allowed,
        repo_gpgcheck=_flag(options, "repo_gpgcheck"),
        excluded_packages=excluded,
        excluded_paths=paths,
        scriptlets_may_fail=_texts(options, "scriptlets_may_fail", least=0),
    )


def _repositories(options: Mapping[str, Any], release: str) -> tuple[Repository, ...]:
    variable = f"{PREFIX}repositories[{release!r}]"
    found: dict[str, Repository] = {}
    for item in _of_release(options, "repositories", release):
        if not isinstance(item, dict) or not {"id", "baseurl"} <= item.keys():
            raise BuildError(f"{variable}: {item!r} is no dictionary with id and baseurl")
        name, baseurl = str(item["id"]), str(item["baseurl"])
        if not NAME.fullmatch(name):
            raise BuildError(f"{variable}: {name!r} is no id; use letters, digits and _.:-")
        if name in found:
            raise BuildError(f"{variable}: two repositories have the id {name}")
        if not ADDRESS.fullmatch(baseurl):
            raise BuildError(
                f"{variable}: {name}: {baseurl!r} is no address; begin it with $mirror, https://, "
                "http:// or file:///"
            )
        if item.get("enabled", True):
            found[name] = Repository(name, baseurl.rstrip("/") + "/")
    if not found:
        raise BuildError(f"{variable} names no enabled repository")
    return tuple(found.values())


def is_fetched(key: str) -> bool:
    """Tell whether a key comes over a network, not from the builder or the variable itself."""
    return not key.startswith(("/", "file:///", "-----BEGIN"))


def _text(options: Mapping[str, Any], name: str) -> str:
    value = options.get(name)
    if not isinstance(value, str) or not value:
        raise BuildError(f"{PREFIX}{name} must be a text, not {value!r}")
    return value


def _flag(options: Mapping[str, Any], name: str) -> bool:
    value = options.get(name)
    if not isinstance(value, bool):
        raise BuildError(f"{PREFIX}{name} must be true or false, not {value!r}")
    return value


def _of_release(options: Mapping[str, Any], name: str, release: str) -> list[Any]:
    """Give the list of one release in an option that has one for each."""
    value = options.get(name)
    if not isinstance(value, dict):
        raise BuildError(f"{PREFIX}{name} must be a dictionary by release, not {value!r}")
    # A release written as a number in YAML is one all the same.
    chosen = {str(key): item for key, item in value.items()}.get(release)
    if not isinstance(chosen, list):
        raise BuildError(f"{PREFIX}{name}[{release!r}] must be a list, not {chosen!r}")
    return chosen


def _texts(
    options: Mapping[str, Any], name: str, release: str = "", *, least: int = 1
) -> tuple[str, ...]:
    values = _of_release(options, name, release) if release else options.get(name)
    if not isinstance(values, list) or not all(isinstance(item, str) for item in values):
        raise BuildError(f"{PREFIX}{name} must be a list of texts, not {values!r}")
    if len(values) < least:
        raise BuildError(f"{PREFIX}{name} has none for release {release}")
    return tuple(values)


def _all_match(values: tuple[str, ...], form: re.Pattern[str], name: str, what: str) -> None:
    for value in values:
        if not form.fullmatch(value):
            raise BuildError(f"{PREFIX}{name}: {value!r} is not {what}")
