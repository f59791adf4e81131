"""The I/O box: a second board at a node's pins, which the rig drives and reads over a UART."""

FIRMWARE = (0, 1)
