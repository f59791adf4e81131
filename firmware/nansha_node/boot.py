"""From reset to the loop: safe outputs first, then identity, link, and round for ever.

Importing this module runs the node; `main.py` on a board does nothing else.
"""

import board  # pyright: ignore[reportMissingImports]  each node has its own

from nansha_node.hardware import Hardware

hardware = Hardware(board)  # first of all: the outputs are safe from here on

from nansha_node.app import App  # noqa: E402
from nansha_node.store import ask_for_service, next_boot_id, service_asked_for  # noqa: E402
from nansha_wire.auth import Key  # noqa: E402

CRASH_PAUSE_S = 5

try:
    from secret import KEY  # pyright: ignore[reportMissingImports]
except ImportError:
    # Without a key no command can be believed: the node runs by its role's own rule and says so.
    import os

    KEY = os.urandom(32)


def make_link():
    """The link that board.py names."""
    if board.LINK == "serial":
        from nansha_node.link_serial import SerialLink

        return SerialLink(hardware.uart())
    from nansha_node.link_mqtt import MqttLink

    return MqttLink(board, hardware)


def make_safe():
    """The contact where a dead coil leaves it, and no power."""
    hardware.write(board.CONTACT_NC == 1, 0)


def run():
    """Count this boot, then round for ever."""
    boot_id, flash_ok = next_boot_id()
    app = App(board, hardware, make_link(), Key(KEY), boot_id, flash_ok)
    hardware.start_watchdog()
    while True:
        app.turn()


def main():
    """Run until something nobody foresaw happens; then outputs safe and a fresh start.

    Ctrl-C at the prompt's port asks for service: the watchdog cannot be stopped, so the node starts
    again and stays at the prompt, outputs safe and no watchdog, until the next reset.
    """
    if service_asked_for():
        print("service: outputs are safe, nothing runs; reset to run the node")
        return
    try:
        try:
            run()
        except Exception as error:
            import sys

            make_safe()
            sys.print_exception(error)  # pyright: ignore[reportAttributeAccessIssue]
            # Each boot writes to flash, so what fails at once must not boot at once again. Nobody
            # feeds here: once the watchdog runs it ends the pause earlier, and that is a pace too.
            # A pause that fed would be one more place in which a sick node could stay for ever.
            hardware.pause(CRASH_PAUSE_S)
    except KeyboardInterrupt:
        ask_for_service()
    finally:
        try:
            make_safe()
        finally:
            hardware.reset()


main()
