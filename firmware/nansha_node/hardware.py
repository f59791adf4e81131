"""The board: the only file that imports `machine`.

Nothing decides here. Pins come from the generated board.py; numbers of modes are never written out,
they differ from chip to chip.
"""

import io
import select
import time

import machine

from nansha_node.scaling import duty_u16, inputs_from

_POLL = 3  # the stream request that asks "are you ready?"


class _Flag(io.IOBase):
    """Something to poll that a pin's interrupt makes ready, so that a wait ends at once."""

    def __init__(self):
        self.raised = False

    def ioctl(self, request, arg):
        return arg & select.POLLIN if request == _POLL and self.raised else 0


class Hardware:
    """Pins, converters, watchdog and clock of one board, safe from the first line on."""

    def __init__(self, cfg):
        self._cfg = cfg
        # Safe outputs before anything else: no coil current, and the power command at nothing.
        self._off = 1 - cfg.RELAY_ACTIVE
        self._relay = machine.Pin(cfg.PIN_RELAY, machine.Pin.OUT, value=self._off)
        self._pwm = None
        if cfg.PIN_PWM is not None:
            pin = machine.Pin(cfg.PIN_PWM, machine.Pin.OUT, value=0)
            self._pwm = machine.PWM(pin, freq=cfg.PWM_HZ, duty_u16=duty_u16(cfg, 0))
        self.reset_cause = machine.reset_cause()
        self._closed = cfg.CONTACT_NC == 1
        self._power_w = 0
        self._adc_v = self._adc(cfg.ADC_V)
        self._adc_i = self._adc(cfg.ADC_I)
        self._adc_f = self._adc(cfg.ADC_F)
        self._adc_x = self._adc(cfg.ADC_X) if cfg.ADC_X is not None else None
        self._flag = machine.Pin(cfg.PIN_FLAG, machine.Pin.IN) if cfg.PIN_FLAG is not None else None
        self._poll = select.poll()
        self._woken = _Flag()
        self._poll.register(self._woken, select.POLLIN)
        self._alert = machine.Pin(cfg.PIN_ALERT, machine.Pin.IN)
        self._alert.irq(self._on_alert, machine.Pin.IRQ_RISING)
        self._wdt = None

    def start_watchdog(self):
        """From here on somebody has to feed. Not earlier: compiling the program takes a chip longer
        than a watchdog waits, and until now nothing was switched."""
        self._wdt = machine.WDT(timeout=self._cfg.WDT_MS)

    def _adc(self, pin):
        adc = machine.ADC(machine.Pin(pin))
        if self._cfg.ADC_ATTEN_DB is not None:
            adc.atten(machine.ADC.ATTN_11DB)
        return adc

    def _on_alert(self, pin):
        self._woken.raised = True

    def uart(self):
        """The UART of the link, with its pins given: some boards' defaults lie on the flash."""
        cfg = self._cfg
        uart = machine.UART(cfg.UART_ID, cfg.UART_BAUD, tx=cfg.UART_TX, rx=cfg.UART_RX, rxbuf=1024)
        self._poll.register(uart, select.POLLIN)  # pyright: ignore[reportArgumentType]
        return uart

    def watch(self, stream, writable=False):
        """Let `stream` end a wait."""
        self._poll.register(stream, select.POLLIN | (select.POLLOUT if writable else 0))

    def unwatch(self, stream):
        """Forget `stream`, before it is closed."""
        self._poll.unregister(stream)

    def ticks_ms(self):
        """The node's clock, ms, wraps at 2**30."""
        return time.ticks_ms() & 0x3FFFFFFF  # pyright: ignore[reportAttributeAccessIssue]

    def read(self):
        """One look at the terminals."""
        return inputs_from(
            self._cfg,
            self._adc_v.read_u16(),
            self._adc_i.read_u16(),
            self._adc_f.read_u16(),
            self._adc_x.read_u16() if self._adc_x else 0,
            self._alert.value() == 1,
            self._flag is not None and self._flag.value() == 1,
        )

    def alerted(self):
        """Whether the alarm has risen since the last question, however short it was."""
        raised = self._woken.raised
        self._woken.raised = False
        return raised

    def write(self, closed, power_w):
        """Set contact and power command. Power goes down before a contact opens on it."""
        if power_w != self._power_w:
            self._power_w = power_w
            if self._pwm is not None:
                self._pwm.duty_u16(duty_u16(self._cfg, power_w))
        if closed != self._closed:
            self._closed = closed
            energise = closed != (self._cfg.CONTACT_NC == 1)
            self._relay.value(self._cfg.RELAY_ACTIVE if energise else self._off)

    def feed(self):
        """Feed the watchdog."""
        if self._wdt is not None:
            self._wdt.feed()

    def wait(self, ms):
        """Sleep until something comes in, the alarm rises, or `ms` have passed."""
        self._poll.poll(ms)

    def pause(self, seconds):
        """Sleep, whatever comes in."""
        time.sleep(seconds)

    def reset(self):
        """Start again. The pins fall back to what the coil's driver does without a signal."""
        machine.reset()
