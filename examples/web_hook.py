"""A web hook that boots banks and says how every board is; PICLUSTER_HOOK_TOKEN is its token.

python examples/web_hook.py inventory/mini, then: curl -H "Authorization: Bearer $TOKEN" \
  -d '{"banks": [11], "check": true}' http://127.0.0.1:8080/boot
"""

import hmac
import json
import os
import sys
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from picluster.errors import PiclusterError
from picluster.runner import BusyError, RunResult, boot, status

TOKEN, INVENTORY = os.environ.get("PICLUSTER_HOOK_TOKEN", ""), sys.argv[1:]
ROUTES: dict[str, Callable[[Any], RunResult]] = {
    "GET /status": lambda _: status(INVENTORY, offline=True),
    "POST /boot": lambda wish: boot(
        INVENTORY, banks=wish.get("banks", []), check=wish.get("check", False) is not False
    ),
}


class Hook(BaseHTTPRequestHandler):
    """Answers as JSON: 200 done, 400 refused, 401, 404, 409 another run has the cluster."""

    timeout = 10

    def act(self) -> tuple[int, dict[str, object]]:
        given = self.headers.get("Authorization", "").encode("utf-8", "replace")
        if not hmac.compare_digest(given, f"Bearer {TOKEN}".encode()):
            return 401, {"error": "the token is wrong"}
        route = ROUTES.get(f"{self.command} {self.path}")
        if route is None:
            return 404, {"error": f"there are {', '.join(ROUTES)}"}
        try:
            length = min(max(int(self.headers.get("Content-Length") or 0), 0), 10_000)
            return 200, route(json.loads(self.rfile.read(length) or b"{}")).plain()
        except PiclusterError as error:
            return 409 if isinstance(error, BusyError) else 400, {"error": str(error)}
        except (ValueError, TypeError, AttributeError, RecursionError):
            return 400, {"error": "the body is no JSON object with banks and check"}

    def answer(self) -> None:
        code, said = self.act()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps(said).encode())

    do_GET = do_POST = answer  # noqa: N815 - named by http.server


if __name__ == "__main__":
    if not TOKEN or not INVENTORY:
        sys.exit("set PICLUSTER_HOOK_TOKEN, and name the inventory")
    server = ThreadingHTTPServer(("127.0.0.1", int(os.environ.get("PORT", "8080"))), Hook)
    print(f"http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()
