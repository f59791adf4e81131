"""Transition functions (IEEE 2030.7): which mode the site is in, and what the breaker is told."""

from __future__ import annotations

from nansha.dispatch.model import Mode
from nansha.dispatch.state import ControlState
from nansha.image import Image, Sample
from nansha.site import Site

RECONNECT_AFTER_MS = 30_000
"""The grid must have been healthy for so long before the host asks for reconnection; the node's own
delay comes on top, and its synchronism check has the last word."""
GRID_V_PU = (0.90, 1.07)
"""GB/T 12325 at 220 V."""
GRID_HZ = 0.2
"""GB/T 15945, allowed deviation, Hz."""
DEAD_RECONNECT_AFTER_MS = 5_000
"""The same for a dead bus: nobody is fed while it waits."""
POI_SILENT_MS = 30_000
"""A breaker unseen for longer may be open: tiers, energy and cars go by the island's rules."""
AWAY_MS = 5_000
"""A host that has not decided for longer was dead, stopped or asleep, and heard nobody: no more of
its absence counts as the breaker's silence."""
SLIP_HZ = 0.04
"""How much faster than the grid an island turns while it synchronises: once round in 25 s, and the
synchronism check stays closed for longer than a calm node's period."""
NUDGE_GAIN_PER_HZ = 0.8
NUDGE_MAX = 0.1
"""Most of a battery's rating that shifts the frequency."""
LIVE_PU = 0.5
"""A bus with more voltage than this is alive."""


def grid_healthy(site: Site, poi: Sample) -> bool:
    """Whether voltage and frequency on the grid's side are fit to connect to."""
    low, high = (site.info.nominal_v * pu for pu in GRID_V_PU)
    return low <= poi.v_v <= high and abs(poi.f_hz - site.info.nominal_hz) <= GRID_HZ


def bus_alive(site: Site, image: Image) -> bool | None:
    """Whether the bus has voltage, as any asset behind the breaker sees it; None: nobody says."""
    seen = None
    for asset, sample in image.samples.items():
        if asset != site.poi.id and sample.fresh:
            if sample.v_v > LIVE_PU * site.info.nominal_v:
                return True
            seen = False
    return seen


def next_mode(site: Site, state: ControlState, image: Image) -> Mode:
    """The mode now; a point of interconnection that falls silent is believed for half a minute."""
    poi = image.fresh(site.poi.id)
    if poi is None:
        if state.grid_ok_since_ms >= 0:
            state.grid_ok_since_ms = image.t_ms  # unseen is not healthy: the delay begins anew
        gone_ms = image.t_ms - state.t_ms
        if state.poi_ms >= 0 and not 0 <= gone_ms <= AWAY_MS:
            # Away, or the clock jumped back: what was counted of the silence before stays counted.
            state.poi_ms += gone_ms - AWAY_MS if gone_ms > 0 else gone_ms
        if state.poi_ms >= 0 and image.t_ms - state.poi_ms > POI_SILENT_MS:
            return Mode.ISLANDED  # nobody knows: what an island must not do is not done
        return state.mode
    state.poi_ms = image.t_ms
    if grid_healthy(site, poi):
        if state.grid_ok_since_ms < 0:
            state.grid_ok_since_ms = image.t_ms
    else:
        state.grid_ok_since_ms = -1
    if poi.closed:
        return Mode.GRID_CONNECTED
    dead = bus_alive(site, image) is False
    wait_ms = DEAD_RECONNECT_AFTER_MS if dead else RECONNECT_AFTER_MS
    if state.grid_ok_since_ms >= 0 and image.t_ms - state.grid_ok_since_ms >= wait_ms:
        return Mode.SYNCHRONISING
    return Mode.BLACK if dead else Mode.ISLANDED


def next_nudge(site: Site, state: ControlState, image: Image) -> float:
    """Share of their rating that the batteries add, so that an island slips past the grid's phase.

    An integrator on the measured slip: it needs no knowledge of the converters' droop.
    """
    poi = image.fresh(site.poi.id)
    bus_hz = bus_frequency(site, image)
    if state.mode is not Mode.SYNCHRONISING or poi is None or bus_hz is None:
        return 0.0
    missing_hz = poi.f_hz + SLIP_HZ - bus_hz
    passed_s = min(1.0, max(0, image.t_ms - state.t_ms) / 1000)  # urgent cycles come close together
    step = NUDGE_GAIN_PER_HZ * missing_hz * passed_s
    return max(-NUDGE_MAX, min(NUDGE_MAX, state.nudge + step))


def bus_frequency(site: Site, image: Image) -> float | None:
    """Frequency of a live bus as its batteries see it, Hz."""
    for asset in site.assets:
        sample = image.fresh(asset.id)
        if asset.role == "battery" and sample is not None and sample.f_hz > 0.0:
            return sample.f_hz
    return None


def breaker_closed(mode: Mode) -> bool:
    """What the breaker's node is told; it closes only when its own checks agree."""
    return mode in (Mode.GRID_CONNECTED, Mode.SYNCHRONISING)
