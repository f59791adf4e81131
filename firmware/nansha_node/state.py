"""What a node remembers between two steps, what it sees, and what it puts out.

Only integers: mV, mA, W, mHz, ms. A chip's floats have 24 bits, the VM's 53; integers within 31
bits give every interpreter the same decisions. Times are kept as what is left of them, so no clock
wraps under a running timer.
"""

from nansha_wire import codes

START_MS = 10000  # after the first black start that does not hold


class Inputs:
    """One look at the terminals."""

    def __init__(self, v_mv=0, i_ma=0, f_mhz=0, x=0, alert=False, flag=False, fault=0):
        self.v_mv = v_mv  # RMS phase voltage
        self.i_ma = i_ma  # signed active current per phase, + into the bus
        self.f_mhz = f_mhz  # 0 on a dead bus
        self.x = x  # battery: state of charge, per mille; pv: irradiance, W/m2
        self.alert = alert  # the meter's alarm: something moves
        self.flag = flag  # ev_charger: a car is plugged in; poi: the synchronism check agrees
        self.fault = fault  # bits of channels whose reading cannot be true: 1 v, 4 f


class Outputs:
    """What the shell has to do after a step."""

    def __init__(self, closed, power_w, period_ms, reason, events):
        self.closed = closed  # relay or breaker contact
        self.power_w = power_w  # analog power command; pv: the limit
        self.period_ms = period_ms  # when to look again
        self.reason = reason  # one of nansha_wire.codes
        self.events = events  # ((code, value), ...)


class State:
    """A node's memory. `step` takes it over and gives it back; nobody else writes to it."""

    def __init__(self, cfg):
        self.t_ms = 0
        self.begun = False
        self.boot_id = 0
        self.closed = cfg.CONTACT_NC == 1  # what a coil without current leaves
        self.reason = codes.BOOT
        self.relay_left_ms = 0  # until the relay may move again
        self.relay_ops = 0
        # lease
        self.lease_left_ms = 0
        self.had_lease = False
        self.p_set_w = 0
        self.want_closed = False
        self.counter = 0
        # contingency
        self.armed_left_ms = 0
        self.armed_f_mhz = 0
        self.armed_delay_ms = 0
        self.armed_for_ms = -1  # -1: not below the threshold
        # protection: how long each element has been violated, -1 when it is not
        self.violated_ms = [-1] * len(cfg.TRIPS)
        self.trip = -1  # index of the element that opened the relay, or -1
        self.short = False  # over-current flowed when it opened
        self.oc_trips = 0  # such trips in a row; at control.OC_TRIPS the node stays open
        self.oc_left_ms = 0  # closed for so long, the last of them is forgotten
        self.healthy_ms = -1
        # under-frequency step
        self.low_for_ms = -1
        self.shed = 0  # 0, codes.SHED or codes.ARMED
        self.restore_ms = 0
        self.dead = True  # the bus, at the last look
        self.start_left_ms = 0  # until a battery may start a dead bus again
        self.start_next_ms = START_MS
        self.sensor = 0
        self.doubt_ms = -1
        # cadence
        self.fast_left_ms = 0
        self.f_mhz = 0
        self.power_w = 0
        self.events_seen = 0  # the host holds this boot's events up to this number
