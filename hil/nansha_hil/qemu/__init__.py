"""The qemu tier: an ESP32 under Espressif's QEMU that boots a stock MicroPython image."""

from nansha_hil.qemu.find import available

__all__ = ["available"]
