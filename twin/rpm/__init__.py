"""Small RPM repositories, made and signed here, that stand in for Oracle's.

Their packages carry the names, paths and scriptlets of the real ones, with content from Debian's
arm64 packages: what is built from them boots. ``tiny`` is for what goes wrong, ``standin`` for an
image.
"""
