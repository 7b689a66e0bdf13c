"""Invented harvest sources of a cluster, in the formats the real ones come in.

``python -m twin.samples -i inventory/mini FOLDER`` writes them; the same cluster gives the same
bytes.
"""
