"""What may go wrong on the bench in the middle of a run, and how the node is left."""

from __future__ import annotations

import os
import select
import threading

import pytest
from box_kit import Bench
from rig_kit import PATIENCE_S, Rig, wait_for

from nansha_hil.bench.box import Box
from nansha_hil.bench.clock import PERIOD_US
from nansha_hil.bench.port import mono_us
from nansha_hil.board import WATCHDOG
from nansha_hil.realtime import Line
from nansha_iobox import messages as m
from nansha_iobox.box import ALL_OFF

pytestmark = pytest.mark.timeout(180)


def test_a_box_that_starts_again_ends_the_run(bench):
    virtual = bench()
    with Rig(virtual) as rig:
        virtual.kill_box()
        virtual.start_box(WATCHDOG)
        rig.until(lambda: rig.board.failure is not None)
        assert "started again by itself (reset cause 3)" in rig.board.failure
        assert rig.board.serve(0) is False


def test_a_box_that_dies_ends_the_run(bench):
    virtual = bench()
    with Rig(virtual) as rig:
        virtual.kill_box()
        rig.until(lambda: rig.board.failure is not None)
        assert "10 requests without an answer" in rig.board.failure


def test_a_port_that_is_unplugged_ends_the_run(bench):
    virtual = bench()
    with Rig(virtual) as rig:
        virtual.unplug()
        rig.until(lambda: rig.board.failure is not None)
        assert "box: the port has gone" in rig.board.failure


def test_a_dac_that_dies_ends_the_run_and_the_node_stays_in_reset_till_it_is_back(bench):
    virtual = bench()
    with Rig(virtual) as rig:
        rig.until(lambda: rig.board.closed)
        dac, virtual.dac = virtual.dac, None
        rig.until(lambda: rig.board.failure is not None)
        assert "the DAC does not answer on the box's I2C bus" in rig.board.failure
    wait_for(lambda: virtual.node.vm is None)
    assert dac.volts(0) > 1.0, "what it was given last"
    virtual.dac = dac
    wait_for(lambda: virtual.node.vm is not None)
    assert virtual.silent(), "it sees a dead bus when it starts, not the old one"


def test_a_rig_that_stalls_does_not_blame_the_node(bench):
    virtual = bench()
    with Rig(virtual) as rig:
        rig.until(lambda: rig.board.closed)
        wait_for(virtual.silent)
        rig.until(lambda: rig.board.failure is not None)
        assert rig.board.failure.startswith("the rig was silent for over 500 ms: the node saw a d")


def test_what_was_before_the_run_is_no_figure_of_it(bench):
    """Silence and a damaged frame between self-test and run, as while other nodes are tested."""
    virtual = bench()

    def trouble() -> None:
        wait_for(virtual.silent)
        os.write(virtual.box_line.board_fd, b"\x05garbage\x00")
        wait_for(lambda: rig.board.box.port.bad > 0)

    rig = Rig(virtual, trouble)
    with rig:
        assert not virtual.silent(), "the plant is on its pins from the start"
        rig.until(lambda: rig.board.closed)
        assert rig.board.failure is None
        figures = rig.board.figures()
        assert figures["silences"] == figures["frames_damaged"] == 0


def test_clocks_that_are_apart_do_not_throw_the_plant_ahead(bench):
    """The rig takes the box's clock for one 0.3 s ahead; the world checks its own time."""
    virtual = bench()
    with Rig(virtual) as rig:
        board, clock = rig.board, rig.board.box.client.clock
        rig.until(lambda: board.closed)
        now_us = mono_us()
        wrong_us = now_us + 300_000
        clock.sample(wrong_us, wrong_us, int(now_us - clock.rig_us(0)) % PERIOD_US)
        edges = len(board.edges_us)
        rig.world.v_v, rig.world.alert = 275.0, True
        rig.until(lambda: not board.closed)
        assert len(board.edges_us) > edges and board.edges_us[-1] <= rig.now_us
    wait_for(virtual.silent)


@pytest.fixture
def far(tmp_path):
    """(a greeted box, the program at the other end of its line, what gives that a turn)."""
    line, far = Line(tmp_path / "box_port"), Bench(greeted=False)

    def turn() -> None:
        assert select.select([line.board_fd], [], [], PATIENCE_S)[0]
        far.board.inbox += os.read(line.board_fd, 4096)
        far.program.turn()

    def greet() -> None:
        while not far.board.said:
            turn()
        os.write(line.board_fd, far.board.said)

    greeting = threading.Thread(target=greet)
    greeting.start()
    box = Box(line.path, "battery")
    greeting.join()
    yield box, far, turn
    line.close()


def test_the_last_word_is_said_whatever_is_under_way(far):
    box, far, turn = far
    box.put((1000, 2000, 3000, 4000), m.SUPPLY)
    box.drive()
    assert box.client.busy(mono_us())
    box.close()
    while far.outputs != (ALL_OFF, m.SUPPLY | m.ALERT) or far.program.box.safe:
        turn()


def test_what_was_lost_is_not_settled(far):
    box, _, _ = far
    box.put((1000, 2000, 3000, 4000), m.SUPPLY)
    box.drive()
    assert not box.settled
    wait_for(lambda: not box.client.busy(mono_us()))
    assert not box.settled, "nobody has answered"
    box.drive()
    assert box.client.busy(mono_us()), "it is sent again"
    box.close()
