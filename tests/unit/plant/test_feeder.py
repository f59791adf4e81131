"""A radial feeder: Ohm and Kirchhoff hold at every bus; batch, step and any tree agree."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nansha_hil.plant.feeder import Feeder
from nansha_hil.plant.feeder_tree import FeederError, reduce_kron, sequence_z_ohm

V = 230.0


def random_feeder(seed, phases, buses, zip_share=False):
    rng = np.random.default_rng(seed)
    parent = [-1, *(int(rng.integers(0, b)) for b in range(1, buses))]
    z1 = rng.uniform(0.001, 0.01, buses) + 1j * rng.uniform(0.001, 0.01, buses)
    z = np.array([sequence_z_ohm(3 * a, a)[:phases, :phases] for a in z1])
    loads = [b for b in range(1, buses) if rng.random() < 0.5] or [buses - 1]
    source = V * np.exp(-2j * np.pi / 3 * np.arange(phases))
    shares = rng.dirichlet([1, 1, 1], len(loads)) if zip_share else None
    feeder = Feeder(parent, z, source, loads, nominal_v=V, zip_share=shares)
    s = rng.uniform(-3000, 2000, (len(loads), phases)) * (1 + 0.3j)
    return feeder, parent, z, loads, shares, s


@given(st.integers(0, 10**6), st.sampled_from([1, 3]), st.integers(2, 30), st.booleans())
def test_ohm_and_kirchhoff(seed, phases, buses, with_shares):
    feeder, parent, z, loads, shares, s = random_feeder(seed, phases, buses, with_shares)
    v = feeder.step(s)
    flow = np.zeros((buses, phases), complex)
    for k, bus in enumerate(loads):
        u = np.abs(v[bus]) / V
        factor = shares[k][0] * u**2 + shares[k][1] * u + shares[k][2] if with_shares else 1.0
        flow[bus] -= np.conj(s[k] * factor / v[bus])
    children = [[b for b in range(buses) if parent[b] == a] for a in range(buses)]

    def below(bus):
        return flow[bus] + sum(below(child) for child in children[bus])

    for bus in range(1, buses):
        assert np.allclose(v[parent[bus]] - z[bus] @ below(bus), v[bus], atol=1e-7)
    assert np.allclose(feeder.source_va, v[0] * np.conj(below(0)), atol=1e-5)


@given(st.integers(0, 10**6), st.sampled_from([1, 3]), st.integers(1, 9))
def test_batch_equals_steps(seed, phases, count):
    feeder, *_, s = random_feeder(seed, phases, 15, True)
    many = s * np.linspace(0.1, 1.0, count)[:, None, None]
    v, passes = feeder.batch(many)
    assert (passes > 0).all()
    for k in range(count):
        assert np.allclose(feeder.step(many[k]), v[k], atol=1e-8)


def test_collapse_is_said_and_forgotten():
    feeder = Feeder([-1, 0], np.full((2, 1, 1), 0.5), [V], [1], nominal_v=V)
    with pytest.raises(FeederError, match="no operating point"):
        feeder.step([[-1e6]])
    assert feeder.batch([[[-1e6]]])[1][0] == 0
    assert abs(feeder.step([[-100.0]])[1, 0]) < V


@pytest.mark.parametrize(
    "parent, loads", [([-1, 2, 1], [1]), ([0, 0], [1]), ([-1, 0], [0]), ([-1, 0], [1, 1])]
)
def test_no_feeder(parent, loads):
    with pytest.raises(FeederError):
        Feeder(parent, np.ones((len(parent), 1, 1)), [V], loads, nominal_v=V)


def test_kron_puts_the_neutral_at_zero_volts():
    z = np.full((4, 4), 0.1j) + np.diag([0.3, 0.4, 0.5, 0.6])
    amps = np.array([1.0, 2.0j, -1.0])
    neutral = -(z[3, :3] @ amps) / z[3, 3]
    assert np.allclose(reduce_kron(z) @ amps, (z @ [*amps, neutral])[:3])


@given(st.integers(1, 19), st.integers(0, 18))
def test_a_scenario_without_an_answer_leaves_the_others_theirs(count, at):
    feeder = Feeder([-1, 0], np.full((2, 1, 1), 0.5), [V], [1], nominal_v=V)
    s = np.full((count, 1, 1), -1000.0 - 100.0j)
    s[at % count] = -1e6
    v, passes = feeder.batch(s)
    fine = np.arange(count) != at % count
    assert passes[at % count] == 0 and (passes[fine] > 0).all()
    assert np.allclose(v[fine], feeder.step(s[fine][0]) if fine.any() else V, atol=1e-8)
