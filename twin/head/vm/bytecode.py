"""Files of a head machine that spare its slow processor what it has done before.

Ansible sends each module as a zip archive of Python sources, which Python compiles anew each time.
Emulated, that is half the time of a task.
"""

from __future__ import annotations

_MODULE = '''"""Keep the bytecode of what is imported from zip archives."""
import hashlib
import marshal
import os
import zipimport

_PLACE = "/var/cache/zip-bytecode"
_compile = zipimport._compile_source


def _kept(path, source):
    key = path.rpartition(".zip")[2].encode() + b"\\0" + source
    name = os.path.join(_PLACE, hashlib.sha1(key).hexdigest())
    try:
        with open(name, "rb") as file:
            return marshal.load(file)
    except (OSError, ValueError, EOFError, TypeError):
        code = _compile(path, source)
    try:
        part = f"{name}.{os.getpid()}"
        with open(part, "wb") as file:
            marshal.dump(code, file)
        os.replace(part, name)
    except OSError:
        pass
    return code


zipimport._compile_source = _kept
'''


def files() -> dict[str, tuple[bytes, int]]:
    """Content and mode by path."""
    place = "/usr/lib/python3/dist-packages"
    return {
        f"{place}/zip_bytecode.py": (_MODULE.encode(), 0o644),
        f"{place}/zip_bytecode.pth": (b"import zip_bytecode\n", 0o644),
        "/var/cache/zip-bytecode/.keep": (b"", 0o644),
    }
