"""picluster: one head node and a thousand network-booted Raspberry Pis."""

__version__ = "0.1.0"
