"""The board's side of the rig on an emulated ESP32: inputs and outputs as frames over UART2.

A frame is a number, then the layout that a board in the MicroPython VM uses, with the CRC and the
framing of a node's own line. A request that no reply comes to goes out again, marked; so a frame
that was damaged costs time and nothing else. `nansha_hil.qemu.board` has the other half.
"""

import struct
import time

import umachine

from nansha_wire.serial import Deframer, pack

REQUEST = "<BBBHIIQQ4H"  # number, op, flags, 0, value, 0, levels, outputs, 4 duties
REPLY = "<BqQIHH8H"  # number, now us, pin levels, interrupts, 0, notice, 8 converters
_REPLY_BYTES = struct.calcsize(REPLY)
TX, RX = 18, 19
BAUD = 115200

HELLO, WAIT, ADC, PWM, UART, WDT, IRQ, RESET = range(8)
FED, AGAIN = 1, 2  # flags: the watchdog has been fed; this request has been sent before
PATIENCE_MS = 100

link = umachine.UART(2, BAUD, tx=TX, rx=RX, rxbuf=512)
_deframer = Deframer()
_number = 0
_fed = 0
_told = None
_inputs = (0,) * 14
levels = 0
outputs = 0
duties = [0, 0, 0, 0]
handlers = {}
irqs = 0


def exchange(op, value=0, tries=0):
    """Tell the rig every output and take every input. tries: give up after so many; 0: never.

    Never is right: who hangs here is not fed, as on a bench with a dead supply of the inputs.
    """
    global _number, _fed, _told
    _number = (_number + 1) & 0xFF
    flags, _fed = _fed, 0
    _told = (levels, outputs, tuple(duties))
    sent = 0
    while not tries or sent < tries:
        data = struct.pack(REQUEST, _number, op, flags, 0, value, 0, levels, outputs, *duties)
        link.write(pack(data))
        begun = time.ticks_ms()
        while time.ticks_diff(time.ticks_ms(), begun) < PATIENCE_MS:
            if _hear():
                return
            time.sleep_us(50)
        flags |= AGAIN
        sent += 1


def _hear():
    """Take what has come in; True when the reply to the last request is among it."""
    global _inputs, irqs
    answered = False
    waiting = link.any()
    if waiting:
        for frame in _deframer.feed(link.read(waiting) or b""):
            if len(frame) != _REPLY_BYTES:
                continue
            message = struct.unpack(REPLY, frame)
            notice = message[5] == 1  # a pin has moved; no reply to a request
            if notice or message[0] == _number:
                _inputs = message
                irqs |= message[3]
                answered = answered or not notice
    return answered


def push():
    """Tell the rig of outputs that have changed: they act when they are set, as on a chip."""
    if _told != (levels, outputs, tuple(duties)):
        exchange(WAIT)


def serve_interrupts():
    """Run the handlers of pins that have moved since the last look."""
    global irqs
    while irqs:
        pins, irqs = irqs, 0
        for pin, (handler, who) in handlers.items():
            if pins >> pin & 1:
                handler(who)


def level(pin):
    """Level of an input as of the last reply."""
    return _inputs[2] >> pin & 1


def converter(slot):
    """Raw 16-bit reading of a converter as of the last reply."""
    return _inputs[6 + slot]


def fed():
    """Note that the watchdog was fed."""
    global _fed
    _fed = FED
