"""The bench tier: a real node on a real port, its pins in the hands of an I/O box."""

from nansha_hil.bench.file import BenchNode, available, load_bench

__all__ = ["BenchNode", "available", "load_bench"]
