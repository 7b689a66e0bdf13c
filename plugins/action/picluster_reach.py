"""Say how commands run on boot servers: an adapter over :mod:`picluster.campaign.live.connections`.

Ansible resolves the options of each server's connection as it would to connect there; the library
makes words of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible.constants import config
from ansible.errors import AnsibleActionFail
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.plugins.action import ActionBase

try:
    from picluster.campaign.live.connections import given, sudo, words_of
    from picluster.errors import PiclusterError
except ImportError as error:
    raise AnsibleActionFail(
        "the Python package picluster is not installed where ansible runs: pip install ."
    ) from error


class ActionModule(ActionBase):  # type: ignore[misc]
    """Looks at the inventory only; no server is touched."""

    _VALID_ARGS = frozenset(("servers", "given"))

    def run(
        self, tmp: str | None = None, task_vars: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Find the words of every server."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        options, facts = self._task.args, task_vars or {}
        servers, known = options.get("servers"), options.get("given") or {}
        if not isinstance(servers, list) or not isinstance(known, Mapping):
            raise AnsibleActionFail("picluster_reach: servers is a list, given a dictionary")
        hosts = facts.get("hostvars", {})
        try:
            reach = given(known)
            for server in map(str, servers):
                if server not in reach and server not in hosts:
                    raise AnsibleActionFail(f"picluster_reach: no host is called {server!r}")
                if server not in reach:
                    reach[server] = self._words(server, dict(hosts[server]))
        except PiclusterError as error:
            raise AnsibleActionFail(f"refused:\n{error}") from error
        return result | {"changed": False, "reach": reach}

    def _words(self, server: str, facts: dict[str, Any]) -> list[str]:
        kind = str(facts.get("ansible_connection", self._task.connection))
        found = self._shared_loader_obj.connection_loader.get_with_context(
            kind, self._play_context, "/dev/null"
        )
        connection = found.object
        if connection is None:
            raise AnsibleActionFail(f"{server}: there is no connection plugin {kind}")
        variables = config.get_plugin_vars("connection", connection._load_name)
        known = {name: facts[name] for name in variables if name in facts}
        if "ansible_host" in known:  # not every plugin prefers it
            known.pop("inventory_hostname", None)
        keywords = {"remote_user": self._task.remote_user, "port": self._task.port}
        connection.set_options(
            task_keys={name: value for name, value in keywords.items() if value is not None},
            var_options=known,
        )
        return words_of(server, found.plugin_load_context.resolved_fqcn or kind,
                        connection.get_options(), self._become(server, facts))  # fmt: skip

    def _become(self, server: str, facts: dict[str, Any]) -> list[str]:
        if not boolean(facts.get("ansible_become", self._task.become or False)):
            return []
        method = facts.get("ansible_become_method", self._task.become_method) or "sudo"
        user = facts.get("ansible_become_user", self._task.become_user) or "root"
        return sudo(server, str(method), str(user))
