"""From reset to the loop: outputs safe first, then round for ever. Importing this runs the box.

Whatever ends the loop ends the feeding: the watchdog starts the box again, and it obeys nobody
until the rig has greeted it anew.
"""

from nansha_iobox.hardware import Hardware
from nansha_iobox.program import Program

hardware = Hardware()
program = Program(hardware)
hardware.start_watchdog()
while True:
    program.turn()
