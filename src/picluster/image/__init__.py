"""Versions of images as boot servers tell them: what there is, who uses it, what differs."""
