"""Nodes and pods behind the API of Kubernetes, as far as ``kubectl`` asks for a drain.

It stands for an API server: there is no scheduler and no controller behind it. A pod that is
evicted is gone; one that a budget protects is not.
"""

from __future__ import annotations

import json
import re
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

_NODE = re.compile(r"/api/v1/nodes/([a-z0-9-]+)")
_EVICTION = re.compile(r"/api/v1/namespaces/default/pods/([a-z0-9-]+)/eviction")
_POD = re.compile(r"/api/v1/namespaces/default/pods/([a-z0-9-]+)")
_VERBS = ["get", "list", "patch", "create"]


def _resource(name: str, kind: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "singularName": "", "namespaced": kind == "Pod", "kind": kind,
            "verbs": _VERBS, **more}  # fmt: skip


_FIXED: dict[str, dict[str, Any]] = {
    "/api": {"kind": "APIVersions", "versions": ["v1"]},
    "/apis": {"kind": "APIGroupList", "apiVersion": "v1", "groups": [
        {"name": "policy", "versions": [{"groupVersion": "policy/v1beta1", "version": "v1beta1"}],
         "preferredVersion": {"groupVersion": "policy/v1beta1", "version": "v1beta1"}}]},
    "/api/v1": {"kind": "APIResourceList", "groupVersion": "v1", "resources": [
        _resource("nodes", "Node"), _resource("pods", "Pod"),
        _resource("pods/eviction", "Eviction", group="policy", version="v1beta1")]},
    "/apis/policy/v1beta1": {"kind": "APIResourceList", "groupVersion": "policy/v1beta1",
                             "resources": []},
}  # fmt: skip


@dataclass
class State:
    """What there is.

    Attributes:
        nodes: by name, as the API gives them.
        pods: name of the node by name of the pod.
        protected: pods that may not go.
        asked: what was changed, a line each.
    """

    nodes: dict[str, dict[str, Any]] = field(default_factory=dict)
    pods: dict[str, str] = field(default_factory=dict)
    protected: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add_node(self, name: str, *, closed: bool = False) -> None:
        """Let a node join."""
        spec = {"unschedulable": True} if closed else {}
        self.nodes[name] = {"kind": "Node", "apiVersion": "v1", "metadata": {"name": name},
                            "spec": spec}  # fmt: skip


class _Handler(BaseHTTPRequestHandler):
    server: ApiServer

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        state = self.server.state
        with state.lock:
            if url.path in _FIXED:
                self._answer(200, _FIXED[url.path])
            elif url.path == "/api/v1/nodes":
                self._list("Node", list(state.nodes.values()))
            elif url.path == "/api/v1/pods":
                selector = parse_qs(url.query).get("fieldSelector", [""])[0]
                node = selector.removeprefix("spec.nodeName=")
                self._list("Pod", [_pod(p, n) for p, n in state.pods.items() if n == node])
            elif (found := _NODE.fullmatch(url.path)) and found[1] in state.nodes:
                self._answer(200, state.nodes[found[1]])
            elif (found := _POD.fullmatch(url.path)) and found[1] in state.pods:
                self._answer(200, _pod(found[1], state.pods[found[1]]))
            else:
                self._status(404, "NotFound", f"{url.path} not found")

    def do_PATCH(self) -> None:
        change = self._body()
        state = self.server.state
        found = _NODE.fullmatch(urlsplit(self.path).path)
        with state.lock:
            if found is None or found[1] not in state.nodes:
                self._status(404, "NotFound", "no such node")
                return
            state.asked.append(f"{found[1]} {json.dumps(change)}")
            _merge(state.nodes[found[1]], change)
            self._answer(200, state.nodes[found[1]])

    def do_POST(self) -> None:
        self._body()
        state = self.server.state
        found = _EVICTION.fullmatch(urlsplit(self.path).path)
        with state.lock:
            if found is None or found[1] not in state.pods:
                self._status(404, "NotFound", "no such pod")
            elif found[1] in state.protected:
                self._status(429, "TooManyRequests", "it would violate the pod's disruption budget")
            else:
                state.asked.append(f"{state.pods.pop(found[1])} evict {found[1]}")
                self._status(201, "", "")

    def _body(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        return found

    def _list(self, kind: str, items: list[dict[str, Any]]) -> None:
        self._answer(200, {"kind": f"{kind}List", "apiVersion": "v1", "metadata": {},
                           "items": items})  # fmt: skip

    def _status(self, code: int, reason: str, message: str) -> None:
        status = "Failure" if reason else "Success"
        self._answer(code, {"kind": "Status", "apiVersion": "v1", "status": status,
                            "reason": reason, "message": message, "code": code})  # fmt: skip

    def _answer(self, code: int, what: dict[str, Any]) -> None:
        text = json.dumps(what).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_: object) -> None:
        """Nobody reads it."""


def _pod(name: str, node: str) -> dict[str, Any]:
    owner = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web", "uid": "1",
             "controller": True}  # fmt: skip
    metadata = {"name": name, "namespace": "default", "uid": name, "ownerReferences": [owner]}
    return {"kind": "Pod", "apiVersion": "v1", "metadata": metadata,
            "spec": {"nodeName": node}, "status": {"phase": "Running"}}  # fmt: skip


def _merge(into: dict[str, Any], change: dict[str, Any]) -> None:
    """A merge patch: ``null`` takes away."""
    for name, value in change.items():
        if value is None:
            into.pop(name, None)
        elif isinstance(value, dict):
            _merge(into.setdefault(name, {}), value)
        else:
            into[name] = value


class ApiServer(ThreadingHTTPServer):
    """The API on an address of this machine."""

    daemon_threads = True

    def __init__(self, state: State) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.state = state

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.server_port}"
