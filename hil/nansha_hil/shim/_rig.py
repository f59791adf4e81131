"""The board's side of the rig, inside the MicroPython VM: one exchange a wake-up.

A request goes out when the program waits; it carries every output and every byte sent since the
last one. The reply comes when the wait is over, on virtual time (lock-step) or at once (real time);
it carries every input and every byte received. `nansha_hil.exchange` holds the same two layouts."""

import uos
import ustruct

REQUEST = "<BBHIIQQ4H"  # op, flags, bytes sent, wait us, charged us, levels, outputs, 4 duties
REPLY = "<qQIHH8H"  # now us, pin levels, interrupts, bytes received, notice, 8 converters
_REQUEST_BYTES = ustruct.calcsize(REQUEST)
_REPLY_BYTES = ustruct.calcsize(REPLY)

HELLO, WAIT, ADC, PWM, UART, WDT, IRQ, RESET = range(8)
FED = 1  # flag: the watchdog has been fed
FOREVER = 0xFFFFFFFF

FREE_READS = 256  # of the clock per wake-up; a program that reads on is busy, and is charged for it
READ_US = 5
QUANTUM_US = 1000

virtual = uos.getenv("NANSHA_CLOCK") == "virtual"
_file = open(int(uos.getenv("NANSHA_RIG_FD")), "r+b")
_request = bytearray(_REQUEST_BYTES)
_reply = bytearray(_REPLY_BYTES)

now_us = 0
_charged_us = 0
_reads = 0
_fed = 0
_sent = []
levels = 0
outputs = 0
duties = [0, 0, 0, 0]
_inputs = (0,) * 15
received = b""
handlers = {}
irqs = 0


def exchange(op, wait_us=0):
    """Tell the rig where we are and take its reply. Only WAIT lets time pass."""
    global now_us, _charged_us, _reads, _fed, _sent, _inputs, received, irqs
    tx = b"".join(_sent) if _sent else b""
    ustruct.pack_into(
        REQUEST, _request, 0, op, _fed, len(tx), wait_us, _charged_us, levels, outputs, *duties
    )
    _file.write(_request + tx if tx else _request)
    if tx:
        _sent = []
    _fed = 0
    while notice():
        pass
    now_us = _inputs[0]
    _charged_us = 0
    _reads = 0
    if _inputs[3]:
        received += _file.read(_inputs[3])


def push():
    """An output has been set: it goes out with the next exchange."""


def notice():
    """Take one message of the rig; True when it is a notice (real time: a pin has moved) and not
    the reply to a request."""
    global _inputs, irqs
    if not _file.readinto(_reply):
        raise SystemExit  # the rig has gone
    _inputs = ustruct.unpack(REPLY, _reply)
    irqs |= _inputs[2]
    return _inputs[4] == 1


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
    return _inputs[1] >> pin & 1


def converter(slot):
    """Raw 16-bit reading of a converter as of the last reply."""
    return _inputs[5 + slot]


def fed():
    """Note that the watchdog was fed."""
    global _fed
    _fed = FED


def send(data):
    """Queue bytes for the line."""
    _sent.append(bytes(data))


def take(count):
    """Take up to `count` received bytes."""
    global received
    data, received = received[:count], received[count:]
    return data


def clock_us():
    """Virtual time. A program that keeps asking is charged, so that no loop can stop the world."""
    global _reads, _charged_us
    _reads += 1
    if _reads > FREE_READS:
        _charged_us += READ_US
        if _charged_us >= QUANTUM_US:
            exchange(WAIT, 0)
    return now_us + _charged_us


def wait_us(us):
    """Let virtual time pass, or until something comes in."""
    exchange(WAIT, min(us, FOREVER))
    serve_interrupts()
