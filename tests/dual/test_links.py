"""The links against a hostile other end: never a wait, never an exception, always back again."""

import errno
import sys

from dual_kit import BOOT, KEY, Cfg, FakeHardware, Lcg, eq, raises

from nansha_node import link_mqtt, link_serial, mqtt
from nansha_node.app import App
from nansha_wire import frames
from nansha_wire import messages as m
from nansha_wire.serial import pack

CONNACK = b"\x20\x02\x00\x00"
PINGRESP = b"\xd0\x00"
FRAME = frames.encode(m.ACK, 2, 1, 1, (1, 2, 3))


# serial


class FakeUart:
    """A UART whose buffer takes `room` bytes between two calls."""

    def __init__(self):
        self.room = 1 << 20
        self.wire = b""
        self.waiting = b""

    def any(self):
        return len(self.waiting)

    def read(self, count):
        data, self.waiting = self.waiting[:count], self.waiting[count:]
        return data or None

    def write(self, data):
        sent = data[: self.room]
        self.wire += bytes(sent)
        return len(sent) or None


def test_serial_passes_frames_both_ways():
    uart = FakeUart()
    link = link_serial.SerialLink(uart)
    eq(list(link.receive(0)), [])
    uart.waiting = b"noise" + pack(FRAME) + pack(FRAME)[:9]
    eq(link.receive(0), [FRAME])
    uart.waiting = pack(FRAME)[9:]
    eq(link.receive(0), [FRAME])
    link.send(FRAME)
    eq(uart.wire, pack(FRAME))
    assert link.up and link.due_ms(0) > 1 << 20


def test_serial_sends_the_rest_when_there_is_room_again():
    uart = FakeUart()
    link = link_serial.SerialLink(uart)
    uart.room = 7
    for _ in range(5):
        link.send(FRAME)
    assert link.due_ms(0) < 100
    for _ in range(100):
        link.receive(0)
    eq(uart.wire, pack(FRAME) * 5)
    assert link.due_ms(0) > 1 << 20


def test_serial_drops_whole_frames_when_nothing_goes_out():
    uart = FakeUart()
    link = link_serial.SerialLink(uart)
    uart.room = 0
    for _ in range(1000):
        link.send(FRAME)
        assert len(link._pending) < link_serial.MAX_PENDING + 300
    uart.room = 100
    for _ in range(200):
        link.receive(0)
    eq(len(uart.wire) % len(pack(FRAME)), 0)
    assert link._pending == b""


# the packets of MQTT


def test_packets_are_those_of_the_standard():
    eq(mqtt.connect("ab", 15), b"\x10\x0e\x00\x04MQTT\x04\x02\x00\x0f\x00\x02ab")
    want = b"\x10\x14\x00\x04MQTT\x04\xc2\x00\x0f\x00\x02ab\x00\x01u\x00\x01p"
    eq(mqtt.connect("ab", 15, "u", "p"), want)
    eq(mqtt.subscribe(1, "a/b"), b"\x82\x08\x00\x01\x00\x03a/b\x00")
    eq(mqtt.publish("t", b"xy"), b"\x30\x05\x00\x01txy")
    eq(mqtt.publish("t", b"x" * 200)[:3], b"\x30\xcb\x01")
    eq(mqtt.PING, b"\xc0\x00")


def test_reader_in_any_pieces():
    rnd = Lcg(21)
    sent = []
    stream = b""
    for _ in range(30):
        body = rnd.data(rnd.below(300))
        stream += mqtt.publish("a/b", body)
        sent.append(body)
        stream += PINGRESP
    for most in (1, 2, 3, 50, 500):
        reader = mqtt.Reader()
        got = []
        at = 0
        while at < len(stream):
            piece = 1 + rnd.below(most)
            got += reader.feed(stream[at : at + piece])
            at += piece
        bodies = [mqtt.payload(flags, body) for kind, flags, body in got if kind == mqtt.PUBLISH]
        eq(bodies, sent, most)
        eq(len(got), 60)


def test_reader_of_noise_gives_packets_or_its_own_error():
    rnd = Lcg(22)
    for _ in range(1500):
        reader = mqtt.Reader()
        try:
            for _ in range(6):
                for kind, flags, body in reader.feed(rnd.data(rnd.below(200))):
                    assert 0 <= kind <= 15 and len(body) <= mqtt.MAX_PACKET
                    if kind == mqtt.PUBLISH:
                        mqtt.payload(flags, body)
                assert len(reader._held) <= mqtt.MAX_PACKET + 5 + 200
        except mqtt.MqttError:
            continue


def test_reader_refuses_the_long_and_the_endless():
    for head in (b"\x30\x81\x08", b"\x30\xff\xff\xff\x7f", b"\x30\x80\x80\x80\x80"):
        raises(mqtt.MqttError, mqtt.Reader().feed, head + b"\x01")
    reader = mqtt.Reader()
    eq(len(reader.feed(b"\x30\x80\x08" + bytes(mqtt.MAX_PACKET))), 1)
    for flags, body in (
        (2, b"\x00\x01t"),
        (4, b"\x00\x01t"),
        (0, b""),
        (0, b"\x00"),
        (0, b"\x00\x02t"),
    ):
        raises(mqtt.MqttError, mqtt.payload, flags, body)
    eq(mqtt.payload(9, b"\x00\x01tx"), b"x")  # retained and repeated: the counter judges


# the link over MQTT


class FakeSocket:
    """A socket that does not block. `wire`: what the broker got; `inbox`: what the node will."""

    def __init__(self, net):
        self.net = net
        self.wire = b""
        self.inbox = b""
        self.ended = False
        self.closed = False
        net.sockets.append(self)

    def setblocking(self, flag):
        eq(flag, False)

    def connect(self, address):
        eq(address, ("10.0.0.1", 1883))
        if self.net.connect_error:
            raise OSError(self.net.connect_error)

    def write(self, data):
        assert not self.closed
        if self.net.write_error:
            raise OSError(self.net.write_error)
        sent = data[: self.net.room]
        self.wire += bytes(sent)
        return len(sent) or None

    def read(self, count):
        assert not self.closed
        if self.net.read_error:
            raise OSError(self.net.read_error)
        if not self.inbox:
            return b"" if self.ended else None
        count = min(count, self.net.gulp)
        data, self.inbox = self.inbox[:count], self.inbox[count:]
        return data

    def close(self):
        self.closed = True


class Net:
    """What stands for the module `socket`."""

    SOCK_STREAM = 1

    def __init__(self):
        self.sockets = []
        self.connect_error = errno.EINPROGRESS
        self.write_error = 0
        self.read_error = 0
        self.dns_error = 0
        self.room = 1 << 20
        self.gulp = 1 << 20

    def getaddrinfo(self, host, port, family, kind):
        if self.dns_error:
            raise OSError(self.dns_error)
        return [(2, 1, 0, "", ("10.0.0.1", 1883))]

    def socket(self, family, kind, proto):
        return FakeSocket(self)


class Bench:
    """A link, its clock and its broker."""

    def __init__(self, asset="pv_roof"):
        self.cfg = Cfg(asset)
        self.hw = FakeHardware(self.cfg)
        self.net = Net()
        link_mqtt.socket = self.net
        self.link = link_mqtt.MqttLink(self.cfg, self.hw)

    def turn(self, ms=10):
        self.hw.now_ms += ms
        got = self.link.receive(self.hw.ticks_ms())
        assert self.link.due_ms(self.hw.ticks_ms()) >= 1
        return list(got)

    def run(self, ms, step=10):
        got = []
        for _ in range(ms // step):
            got += self.turn(step)
        return got

    @property
    def socket(self):
        return self.net.sockets[-1]

    def connected(self):
        self.run(100)
        self.socket.inbox += CONNACK
        self.run(50)
        assert self.link.up
        return self


def test_connects_greets_subscribes_and_speaks():
    bench = Bench()
    assert not bench.link.up
    bench.run(100)
    eq(len(bench.net.sockets), 1)
    eq(bench.socket.wire, mqtt.connect("nansha-nansha_campus-2", link_mqtt.KEEPALIVE_S))
    assert not bench.link.up
    bench.socket.inbox += CONNACK
    bench.turn()
    assert bench.link.up
    eq(bench.link.session, 1)
    down = mqtt.subscribe(1, "nansha/nansha_campus/2/down")
    assert bench.socket.wire.endswith(down)
    bench.link.send(FRAME)
    assert bench.socket.wire.endswith(mqtt.publish("nansha/nansha_campus/2/up", FRAME))
    bench.socket.inbox += mqtt.publish("nansha/nansha_campus/2/down", FRAME) * 3
    eq(bench.run(30), [FRAME] * 3)


def test_half_packets_and_slow_sockets():
    bench = Bench()
    bench.net.room = 3
    bench.net.gulp = 1
    bench.run(500)
    eq(bench.socket.wire, mqtt.connect("nansha-nansha_campus-2", link_mqtt.KEEPALIVE_S))
    bench.socket.inbox += CONNACK + mqtt.publish("x", FRAME) * 2
    eq(bench.run(2000), [FRAME] * 2)
    assert bench.link.up
    for _ in range(3):
        bench.link.send(FRAME)
    bench.run(2000)
    assert bench.socket.wire.endswith(mqtt.publish("nansha/nansha_campus/2/up", FRAME) * 3)
    eq(bench.link.faults, 0)


def _attempts(bench, ms):
    """When new sockets were made."""
    times = []
    start = bench.hw.now_ms
    while bench.hw.now_ms < start + ms:
        count = len(bench.net.sockets)
        bench.turn(50)
        assert not bench.link.up
        if len(bench.net.sockets) > count:
            times.append(bench.hw.now_ms)
    return times


def test_each_fault_on_the_way_up_backs_off_and_comes_back():
    for fault in (
        "refused at once",
        "refused later",
        "unreachable",
        "silent",
        "no greeting",
        "closed",
        "refusal",
        "garbage",
        "full",
    ):
        bench = Bench()
        net = bench.net
        if fault == "refused at once":
            net.connect_error = errno.ECONNREFUSED
        elif fault == "unreachable":
            net.connect_error = errno.EHOSTUNREACH
        elif fault == "refused later":
            net.write_error = errno.ECONNREFUSED
        elif fault == "silent":
            net.write_error = errno.EAGAIN
        elif fault == "full":
            net.room = 0
        for _ in range(40):
            count = len(net.sockets)
            bench.run(1000, 50)
            assert not bench.link.up
            if len(net.sockets) > count:
                new = bench.socket
                if fault == "closed":
                    new.ended = True
                elif fault == "refusal":
                    new.inbox += b"\x20\x02\x00\x05"
                elif fault == "garbage":
                    new.inbox += b"\xff" * 50
        tries = len(net.sockets)
        assert 3 <= tries <= 12, (fault, tries)
        times = _attempts(bench, 600000)
        gaps = [b - a for a, b in zip(times, times[1:])]  # noqa: B905, RUF007  MicroPython
        assert len(gaps) >= 10, fault
        for gap in gaps[2:]:
            assert 29000 <= gap <= link_mqtt.PAUSE_MAX_MS + link_mqtt.PATIENCE_MS + 500, (
                fault,
                gap,
            )
        for sock in net.sockets[:-1]:
            assert sock.closed, fault
        assert len(bench.hw.watched) <= 1
        # The fault is mended: it comes back, and begins with short pauses again.
        net.connect_error = errno.EINPROGRESS
        net.write_error, net.room = 0, 1 << 20
        for _ in range(4000):
            bench.turn(10)
            if net.sockets and not bench.socket.closed and not bench.link.up:
                bench.socket.inbox = CONNACK
            if bench.link.up:
                break
        assert bench.link.up, fault
        eq(bench.link._pause_ms, bench.link._first_pause_ms)


def test_names_that_do_not_resolve():
    bench = Bench()
    bench.net.dns_error = -2
    bench.run(20000, 50)
    eq(bench.net.sockets, [])
    assert bench.link.faults > 3
    bench.net.dns_error = 0
    bench.run(40000, 50)
    assert bench.net.sockets


def test_a_ping_keeps_it_and_a_silent_broker_loses_it():
    bench = Bench().connected()
    for _ in range(20):
        bench.socket.wire = b""
        bench.run(link_mqtt.KEEPALIVE_S * 500 + 100, 100)
        assert mqtt.PING in bench.socket.wire
        bench.socket.inbox += PINGRESP
        bench.run(100)
        assert bench.link.up
    bench.socket.wire = b""
    session = bench.link.session
    bench.run(link_mqtt.KEEPALIVE_S * 500 + link_mqtt.PATIENCE_MS + 200, 100)
    assert not bench.link.up
    assert bench.net.sockets[0].closed
    bench.run(3000)
    bench.socket.inbox += CONNACK
    bench.run(100)
    assert bench.link.up
    eq(bench.link.session, session + 1)


def test_frames_do_not_stand_for_a_pings_answer():
    bench = Bench().connected()
    for _ in range(200):
        bench.socket.inbox += mqtt.publish("x", FRAME)
        bench.run(100, 100)
    assert not bench.link.up  # a broker that answers no ping is broken, however much it says


def test_a_full_socket_is_given_up_once():
    bench = Bench().connected()
    bench.net.room = 0
    for _ in range(200):
        bench.link.send(bytes(100))
        assert len(bench.link._pending) <= link_mqtt.MAX_PENDING
    assert not bench.link.up
    eq(bench.link.faults, 1)  # not one for each frame that followed
    eq(bench.link._pause_ms, 2 * bench.link._first_pause_ms)
    assert bench.socket.closed


def test_each_fault_while_up_costs_one_fall():
    def ended(bench):
        bench.socket.ended = True

    def reset(bench):
        bench.net.read_error = errno.ECONNRESET

    def garbage(bench):
        bench.socket.inbox += b"\x30\xff\xff\xff\xff\xff"

    def too_long(bench):
        bench.socket.inbox += b"\x30\xff\x7f"

    def qos(bench):
        bench.socket.inbox += b"\x32\x05\x00\x01t\x00\x01"

    def half_topic(bench):
        bench.socket.inbox += b"\x30\x02\x00\x05"

    def twice(bench):
        bench.socket.inbox += CONNACK

    for fault in (ended, reset, garbage, too_long, qos, half_topic, twice):
        bench = Bench().connected()
        first = bench.socket
        fault(bench)
        bench.turn()
        assert not bench.link.up, fault
        eq(bench.link.faults, 1)
        assert first.closed
        bench.net.read_error = 0
        bench.run(2000)
        bench.socket.inbox += CONNACK
        bench.run(50)
        assert bench.link.up
        eq(bench.link.session, 2)


def test_a_broken_pipe_in_a_send_is_no_exception():
    bench = Bench().connected()
    bench.net.write_error = errno.ECONNRESET
    for _ in range(10):
        bench.link.send(FRAME)
    assert not bench.link.up
    eq(bench.link.faults, 1)


def test_a_street_of_nodes_does_not_come_back_in_step():
    pauses = []
    for node in range(1, 9):
        cfg = Cfg("pv_roof", NODE_ID=node)
        pauses.append(link_mqtt.MqttLink(cfg, FakeHardware(cfg))._pause_ms)
    eq(len(set(pauses)), len(pauses))


def test_no_radio_is_no_connection():
    bench = Bench()
    ready = [False]
    bench.link._wifi.ready = lambda now_ms: ready[0]
    bench.run(10000, 100)
    eq((bench.net.sockets, bench.link.faults), ([], 0))
    ready[0] = True
    bench.run(1000, 100)
    eq(len(bench.net.sockets), 1)


class _Radio:
    """A radio that gives up: it counts how often it is told to join."""

    def __init__(self):
        self.joined = False
        self.calls = []
        self.broken = False

    def active(self, on):
        pass

    def disconnect(self):
        if self.broken:
            raise OSError(errno.EIO)

    def connect(self, ssid, password):
        self.calls.append((ssid, password))
        self.disconnect()

    def isconnected(self):
        return self.joined


class _Module:
    STA_IF = 0


def _on_the_air():
    """A bench whose node has a radio."""
    radio, network, secret = _Radio(), _Module(), _Module()
    network.WLAN = lambda interface: radio
    secret.WIFI_SSID, secret.WIFI_PASSWORD = "net", "pass"
    puts = {"network": network, "secret": secret}
    kept = {name: sys.modules.get(name) for name in puts}
    sys.modules.update(puts)
    try:
        bench = Bench()
    finally:
        for name, module in kept.items():
            if module is None:
                sys.modules.pop(name, None)
            else:
                sys.modules[name] = module
    return bench, radio


def test_a_radio_that_gave_up_is_asked_again():
    bench, radio = _on_the_air()
    eq(radio.calls, [("net", "pass")])
    bench.run(29000, 100)
    eq(len(radio.calls), 1)
    bench.run(3000, 100)
    eq(len(radio.calls), 2)
    bench.run(300000, 100)
    assert 10 <= len(radio.calls) <= 12, radio.calls
    eq((bench.net.sockets, bench.link.faults), ([], 0))
    radio.broken = True  # a driver's error is no reason to fall
    bench.run(100000, 100)
    radio.broken = False
    radio.joined = True
    bench.connected()


def test_a_network_lost_after_weeks_has_its_half_minute_too():
    for days in (1, 7, 11, 13):  # more than half the period of the clock, and less
        bench, radio = _on_the_air()
        bench.run(5000, 100)
        radio.joined = True
        bench.connected()
        bench.hw.now_ms += days * 86400000
        radio.joined = False
        bench.socket.ended = True
        bench.run(29000, 100)
        eq(len(radio.calls), 1, days)
        bench.run(5000, 100)
        eq(len(radio.calls), 2, days)


def test_random_weather():
    """Faults at random: never an exception, `up` never without a greeting, one socket at a time."""
    rnd = Lcg(23)
    for seed in range(6):
        bench = Bench()
        net = bench.net
        ups = 0
        for _ in range(4000):
            net.room = rnd.pick((0, 1, 20, 1 << 20, 1 << 20))
            net.gulp = rnd.pick((1, 5, 1 << 20))
            chance = rnd.below(200)
            net.write_error = errno.ECONNRESET if chance == 0 else 0
            net.read_error = rnd.pick((errno.ECONNRESET, errno.ETIMEDOUT)) if chance == 1 else 0
            net.dns_error = -2 if chance == 2 else 0
            net.connect_error = rnd.pick((0, errno.EINPROGRESS, errno.EAGAIN, errno.EHOSTUNREACH))
            if net.sockets and not bench.socket.closed:
                sock = bench.socket
                if not bench.link.up and len(sock.wire) > 20 and not sock.inbox:
                    sock.inbox += CONNACK
                sock.inbox += rnd.pick((b"", b"", b"", PINGRESP, mqtt.publish("x", FRAME)))
                if chance == 3:
                    sock.inbox += rnd.data(20)
                if chance == 4:
                    sock.ended = True
            for frame in bench.turn(rnd.pick((1, 10, 100, 1000))):
                assert chance < 0 or isinstance(frame, bytes)
            if rnd.bits(1):
                bench.link.send(FRAME)
            ups += bench.link.up
            living = [s for s in net.sockets if not s.closed]
            assert len(living) <= 1
            net.sockets = net.sockets[-2:]
        assert ups > 300, (seed, ups)


def test_a_node_on_a_broken_link_keeps_its_beat():
    """A whole node on this link: the control steps go on whatever the broker does."""
    bench = Bench()
    cfg, hw = bench.cfg, bench.hw
    app = App(cfg, hw, bench.link, KEY, BOOT, True)
    steps = [0]
    read = hw.read

    def counted():
        steps[0] += 1
        return read()

    hw.read = counted
    rnd = Lcg(24)
    start = hw.now_ms
    while hw.now_ms < start + 600000:
        bench.net.connect_error = rnd.pick((errno.EINPROGRESS, errno.ECONNREFUSED))
        bench.net.write_error = rnd.pick((0, 0, 0, errno.ECONNRESET))
        if bench.net.sockets and not bench.socket.closed and not bench.link.up:
            bench.socket.inbox = CONNACK
        app.turn()
        bench.net.sockets = bench.net.sockets[-1:]
    assert steps[0] >= 598, steps
    assert hw.feeds >= 598
