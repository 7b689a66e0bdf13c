# SPDX-License-Identifier: GPL-3.0-or-later
"""Do work of which a kill leaves neither a process nor a mount behind.

The work runs in process and mount namespaces of its own. Its first process dies with the caller,
and the kernel then ends every other process of the namespace and drops its mounts.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from .provider import BuildError

CLONE_NEWNS = 0x00020000
CLONE_NEWPID = 0x20000000
MS_REC_PRIVATE = 0x4000 | (1 << 18)
MS_NOSUID_NODEV_NOEXEC = 2 | 4 | 8
PR_SET_PDEATHSIG = 1

_libc = ctypes.CDLL(None, use_errno=True)


def confined(work: Callable[[], Any]) -> Any:
    """Run a function in a process of its own, confined, and give its result.

    Args:
        work: its result must be ready for JSON.

    Raises:
        BuildError: the function raised it or an OSError, the process was killed, or the caller is
            not root.
    """
    read, write = os.pipe()
    sys.stdout.flush()
    caller = os.getpid()
    keeper = os.fork()
    if keeper == 0:
        os.close(read)
        _keep(work, write, caller)
    os.close(write)
    with os.fdopen(read, encoding="utf-8") as stream:
        text = stream.read()
    status = os.waitpid(keeper, 0)[1]
    answer = json.loads(text or "{}")
    if "result" in answer:
        return answer["result"]
    why = f"the build was interrupted or killed (status {status})"
    raise BuildError(answer.get("error", why))


def _keep(work: Callable[[], Any], write: int, caller: int) -> NoReturn:
    """Start the first process of the namespaces and end as it ends; never returns."""
    try:
        _die_with_parent()
        if os.getppid() != caller:
            os._exit(1)
        _call("unshare", CLONE_NEWPID)
        first = os.fork()
    except (BuildError, OSError) as error:
        _send({"error": str(error)}, write)
        os._exit(1)
    if first == 0:
        answer = _answer(work)
        _send(answer, write)
        os._exit(0 if "result" in answer else 1)
    os.close(write)
    os._exit(1 if os.waitpid(first, 0)[1] else 0)


def _isolated(work: Callable[[], Any]) -> Any:
    _die_with_parent()
    _call("unshare", CLONE_NEWNS)
    _call("mount", b"none", b"/", None, ctypes.c_ulong(MS_REC_PRIVATE), None)
    # Programs look up processes of this namespace, not of the machine.
    mount(b"proc", Path("/proc"), b"proc", MS_NOSUID_NODEV_NOEXEC)
    return work()


def _answer(work: Callable[[], Any]) -> dict[str, Any]:
    """Do the work and give its result, or its error."""
    try:
        return {"result": _isolated(work)}
    except (BuildError, OSError) as error:
        return {"error": str(error)}
    except BaseException as error:  # a fault of the program is reported as well
        return {"error": f"{type(error).__name__}: {error}"}


def _send(answer: dict[str, Any], write: int) -> None:
    with os.fdopen(write, "w", encoding="utf-8") as stream:
        json.dump(answer, stream)


def _die_with_parent() -> None:
    _call("prctl", PR_SET_PDEATHSIG, signal.SIGKILL)


def mount(source: bytes, target: Path, kind: bytes | None, flags: int) -> None:
    """Mount a file system; it is gone when the confined work ends."""
    _call("mount", source, os.fsencode(target), kind, ctypes.c_ulong(flags), None)


def _call(name: str, *arguments: Any) -> None:
    """Call a function of the C library.

    Raises:
        BuildError: it failed.
    """
    if getattr(_libc, name)(*arguments) != 0:
        error = ctypes.get_errno()
        raise BuildError(f"{name} failed ({os.strerror(error)}); an image is built by root only")
