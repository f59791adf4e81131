"""A step of the plant beside a step of vessim: 15 components each.

Not the same physics. Ours: a single-diode array, a two-RC battery with heat, ZIP loads, protection,
relays and a feeder of 6 buses. vessim's: powers from traces, a C-L-C battery, a dispatch policy
that balances. Ours takes fixed steps of 1 ms, vessim's shortest is 1 s; a ratio is of steps, not of
simulated time. Neither records anything. vessim's environments run once: a new one for each block,
made before the clock starts.
"""

from __future__ import annotations

import warnings
from time import perf_counter
from typing import Any

from figures import Figure, Part, Say, Table, WrongAnswer
from timing import Pairs, Side, no_collector, words

from nansha_hil.plant import (
    BatterySpec,
    BusSpec,
    EvSpec,
    LineSpec,
    LoadSpec,
    Plant,
    PlantSpec,
    Profile,
    PvSpec,
)

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import pandas as pd
    from vessim import ClcBattery, Consumer, Environment, GridConnection, Producer, Trace

STEP_US = 1000
STEPS, OUR_STEPS = 500, 20_000
"""In a block, theirs and ours: both some tens of milliseconds."""
PAIRS = 31
ARRAYS, BATTERIES, LOADS, CARS = 4, 2, 7, 1
"""And the utility: 15."""
SUN = [300.0, 900.0, 500.0]
DEMAND_W = [3000.0, 5000.0, 4000.0]


def plant(phases: int, fixed_steps: bool = True) -> Plant:
    """Our 15 components on a feeder of 6 buses."""
    assets: dict[str, Any] = {}
    for k in range(ARRAYS):
        assets[f"pv{k}"] = PvSpec(rated_w=10_000.0, at=f"bus{1 + k}")
    for k in range(BATTERIES):
        assets[f"battery{k}"] = BatterySpec(
            rated_w=10_000.0, capacity_wh=20_000.0, at=f"bus{1 + k}"
        )
    for k in range(LOADS):
        assets[f"load{k}"] = LoadSpec(
            rated_w=8000.0, column="load", z_share=0.3, i_share=0.2, at=f"bus{1 + k % 5}"
        )
    for k in range(CARS):
        assets[f"ev{k}"] = EvSpec(rated_w=11_000.0, at="bus1")
    assert len(assets) + 1 == 15
    lines = {
        f"bus{k}": LineSpec(r_ohm=0.05, x_ohm=0.02, upstream="" if k < 3 else f"bus{k - 2}")
        for k in range(1, 6)
    }
    columns = {"poa_w_per_m2": SUN, "temperature_degc": [25.0, 30.0, 28.0], "load": DEMAND_W}
    made = Plant(
        PlantSpec(assets=assets, lines=lines, bus=BusSpec(phases=phases)),
        Profile([0.0, 3600.0, 7200.0], columns),
        fixed_steps=fixed_steps,
    )
    made.plug("ev0", 30_000.0)
    made.actuate("ev0", True, -11_000.0)
    made.actuate("battery0", True, 5000.0)
    made.actuate("battery1", True, -3000.0)
    return made


def environment() -> Environment:
    """As many components of vessim's."""

    def trace(values: list[float], factor: float = 1.0) -> Trace:
        index = pd.to_timedelta([0, 3600, 7200], unit="s")
        return Trace(pd.Series([factor * value for value in values], index=index))

    env = Environment("2026-06-01", step_size=1)
    env.add_microgrid(
        actors=[
            *(Producer(f"pv{k}", trace(SUN, 10.0)) for k in range(ARRAYS)),
            *(Consumer(f"load{k}", trace(DEMAND_W)) for k in range(LOADS)),
            *(Consumer(f"ev{k}", 11_000.0) for k in range(CARS)),
        ],
        dispatchables=[
            *(
                ClcBattery(f"battery{k}", number_of_cells=1000, initial_soc=0.5)
                for k in range(BATTERIES)
            ),
            GridConnection(),
        ],
    )
    return env


def measure(say: Say) -> Part:
    part = Part()
    columns = ["phases", "step", "ours", "vessim", "ratio"]
    table = Table("15 components: time a step", columns)

    for at, phases in enumerate((1, 3)):
        say(at / 2, f"the plant, {phases} phase")
        site = plant(phases)

        pairs = _pairs(site)
        accounts = site.accounts
        if not abs(accounts.residual_wh) <= 1e-6 * accounts.throughput_wh:
            raise WrongAnswer(f"the plant's energy is off by {accounts.residual_wh:.1e} Wh")
        name = f"plant_{phases}_phase_step_vs_vessim"
        step = words(pairs.ours)
        faster = STEP_US * 1e-6 / (pairs.ours)
        part.raw[name] = pairs.as_dict()
        part.figures.append(
            Figure(
                name=name,
                value=pairs.ratio,
                unit="x",
                note=f"{step} a fixed step of 1 ms, {faster:.0f} x real time; vessim's step is 1 s",
            )
        )
        theirs_step = words(pairs.theirs)
        table.rows.append([str(phases), "fixed 1 ms", step, theirs_step, f"{pairs.ratio:.1f}"])
    table.rows.append(_free())
    part.tables.append(table)
    return part


def _pairs(site: Plant) -> Pairs:
    """Seconds a step in blocks of like length, in turn."""
    pairs = Pairs()
    environment().run(until=STEPS)
    site.advance(site.now_us + OUR_STEPS * STEP_US)
    with no_collector():
        for _ in range(PAIRS):
            before = perf_counter()
            site.advance(site.now_us + OUR_STEPS * STEP_US)
            pairs.ours_s.append((perf_counter() - before) / OUR_STEPS)
            theirs = environment()
            before = perf_counter()
            ran = theirs.run(until=STEPS)
            pairs.theirs_s.append((perf_counter() - before) / STEPS)
            if ran.steps != STEPS:
                raise WrongAnswer(f"vessim took {ran.steps} steps, not {STEPS}")
    return pairs


def _free() -> list[str]:
    """How fast the plant is when it chooses its steps: per simulated millisecond."""
    site = plant(3, fixed_steps=False)
    side = Side(lambda _: site.advance(site.now_us + STEPS * STEP_US), [0.0])
    calls = side.calls_in(0.02)
    per_ms = min(side.seconds_per_call(calls) for _ in range(9)) / STEPS
    return ["3", "as it likes, a ms", words(per_ms), "", ""]
