"""The node: what runs on a board. Pure decisions in `control` and what it calls; only `hardware`
imports `machine`. Runs unchanged under CPython (tests), the MicroPython VM and on the chips."""

FIRMWARE = "0.1.0"
