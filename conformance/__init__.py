"""Checks whether a Jupyter kernel keeps the messaging protocol. See README.md; run with `python -m conformance`."""
