"""What every component's energy meter counts, in joules, and its state towards the bus."""

from __future__ import annotations

from nansha_hil.plant.response import SETTLED_FRACTION


class Node:
    """Part common to all components: relay, power now and target, energy counters.

    p_w: power into the bus now, W. out_j and in_j: energy delivered into and drawn from the bus, J,
    both >= 0. demand_j: what a load or car wanted. available_j: what an array could have fed.
    loss_j: heat inside.
    """

    __slots__ = (
        "available_j",
        "available_w",
        "band_w",
        "closed",
        "command_w",
        "demand_j",
        "demand_w",
        "in_j",
        "loss_j",
        "name",
        "out_j",
        "p_w",
        "rated_w",
        "relay_delay_us",
        "target_w",
        "wanted_closed",
    )

    def __init__(self, name: str, rated_w: float, relay_delay_s: float, closed: bool) -> None:
        """Start at rest with all counters at zero."""
        self.name = name
        self.rated_w = rated_w
        self.band_w = rated_w * SETTLED_FRACTION
        self.relay_delay_us = round(relay_delay_s * 1e6)
        self.closed = closed
        self.wanted_closed = closed
        self.command_w = 0.0
        self.p_w = 0.0
        self.target_w = 0.0
        self.available_w = 0.0
        self.demand_w = 0.0
        self.out_j = 0.0
        self.in_j = 0.0
        self.available_j = 0.0
        self.demand_j = 0.0
        self.loss_j = 0.0

    def book(self, energy_j: float) -> None:
        """Count energy into (+) or out of (-) the bus, J."""
        if energy_j >= 0.0:
            self.out_j += energy_j
        else:
            self.in_j -= energy_j

    def step(self, h_s: float) -> float:
        """Let h_s seconds pass; energy into the bus, J."""
        raise NotImplementedError
