"""Nansha's host: sessions, links, records and the command line of a microgrid."""

__version__ = "0.1.0"
