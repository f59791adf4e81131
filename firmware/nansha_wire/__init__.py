"""The wire: what nodes and host say to each other, one table read by both ends.

Runs under CPython and MicroPython, standard library only.
"""
