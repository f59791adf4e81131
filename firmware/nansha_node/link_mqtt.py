"""The link over TCP and MQTT. Connecting goes on in steps between control, and nothing here waits,
but for one thing: MQTT_HOST as a name is looked up by getaddrinfo, which blocks for as long as the
network's resolver takes (seconds, when it does not answer). An IP address is not looked up.

States: down -> (Wi-Fi) -> connecting -> greeting -> up. Any fault closes the socket and tries again
after a pause that grows to half a minute. The pause starts from the node's own number, so that a
street of nodes does not come back in the same instant.
"""

import errno
import socket

from nansha_node import mqtt
from nansha_wire.ticks import diff_ms

KEEPALIVE_S = 15
PATIENCE_MS = 5000  # for a connection, a greeting or a ping's answer
PAUSE_MS = 500
PAUSE_MAX_MS = 30000
RADIO_MS = 30000  # without a network for so long, the radio is told to join it again
MAX_PENDING = 4096  # bytes waiting for a slow socket; beyond, the connection is given up

DOWN, CONNECTING, GREETING, UP = 0, 1, 2, 3


class MqttLink:
    """Frames over MQTT: topics nansha/SITE/NODE/up and …/down."""

    def __init__(self, cfg, hw):
        base = "nansha/%s/%d/" % (cfg.SITE, cfg.NODE_ID)
        self._address = (cfg.MQTT_HOST, cfg.MQTT_PORT)
        self._up_topic = base + "up"
        self._down_topic = base + "down"
        self._client = "nansha-%s-%d" % (cfg.SITE, cfg.NODE_ID)
        self._hw = hw
        self._wifi = _Wifi()
        self._state = DOWN
        self._socket = None
        self._reader = mqtt.Reader()
        self._pending = b""
        self._first_pause_ms = PAUSE_MS + cfg.NODE_ID % 16 * 50
        self._pause_ms = self._first_pause_ms
        self._next_ms = hw.ticks_ms()  # when the present state has to be looked at again
        self._pinged = False
        self.session = 0
        self.faults = 0

    @property
    def up(self):
        """Whether the broker has greeted us."""
        return self._state == UP

    def receive(self, now_ms):
        """Frames that have come in; on the way, whatever the connection needs."""
        try:
            return self._advance(now_ms)
        except (OSError, mqtt.MqttError):
            self._fall(now_ms)
            return ()

    def send(self, frame):
        """Publish a frame; it is lost when the link falls, and the lease covers that."""
        if self._state != UP:
            return  # fell within this turn: one fall is one fault and one pause, not one a frame
        try:
            self._write(mqtt.publish(self._up_topic, frame))
        except OSError:
            self._fall(self._hw.ticks_ms())

    def due_ms(self, now_ms):
        """When this link wants to be looked at even if nothing comes in."""
        return max(1, diff_ms(self._next_ms, now_ms))

    def _advance(self, now_ms):
        due = diff_ms(now_ms, self._next_ms) >= 0
        if self._state == DOWN:
            if due:
                self._open(now_ms)
            return ()
        if self._pending:
            self._flush()
        frames = self._read(now_ms)
        if not due:
            return frames
        if self._state != UP or self._pinged:
            raise OSError(errno.ETIMEDOUT)
        self._write(mqtt.PING)
        self._pinged = True
        self._next_ms = now_ms + PATIENCE_MS
        return frames

    def _open(self, now_ms):
        if not self._wifi.ready(now_ms):
            self._next_ms = now_ms + PAUSE_MS
            return
        info = socket.getaddrinfo(self._address[0], self._address[1], 0, socket.SOCK_STREAM)[0]
        self._socket = socket.socket(info[0], info[1], info[2])
        self._socket.setblocking(False)
        try:
            self._socket.connect(info[-1])
        except OSError as error:
            if error.args[0] not in (errno.EINPROGRESS, errno.EAGAIN):
                raise
        self._reader = mqtt.Reader()
        self._pending = mqtt.connect(self._client, KEEPALIVE_S)
        self._state = CONNECTING
        self._hw.watch(self._socket, True)
        self._next_ms = now_ms + PATIENCE_MS

    def _flush(self):
        try:
            sent = self._socket.write(self._pending)  # pyright: ignore  a stream, as MicroPython's
        except OSError as error:
            # Still connecting, or no room: later. Some ports say ENOTCONN while they connect.
            if error.args[0] in (errno.EAGAIN, errno.EINPROGRESS, errno.ENOTCONN):
                return
            raise
        if sent:
            self._pending = self._pending[sent:]
            if self._state == CONNECTING:
                self._state = GREETING
        if not self._pending:
            self._hw.watch(self._socket, False)

    def _write(self, data):
        if len(self._pending) + len(data) > MAX_PENDING:
            raise OSError(errno.ENOBUFS)
        if not self._pending:
            self._hw.watch(self._socket, True)
        self._pending += data
        self._flush()

    def _read(self, now_ms):
        if self._state == CONNECTING:
            return ()
        try:
            data = self._socket.read(1024)  # pyright: ignore  likewise
        except OSError as error:
            if error.args[0] == errno.EAGAIN:
                return ()
            raise
        if data is None:
            return ()
        if not data:
            raise OSError(errno.ECONNRESET)
        frames = []
        for kind, flags, body in self._reader.feed(data):
            if kind == mqtt.PUBLISH:
                frames.append(mqtt.payload(flags, body))
            elif kind == mqtt.CONNACK:
                self._greeted(body, now_ms)
            elif kind == mqtt.PINGRESP:
                self._pinged = False
                self._next_ms = now_ms + KEEPALIVE_S * 500
        return frames

    def _greeted(self, body, now_ms):
        if len(body) != 2 or body[1] != 0 or self._state != GREETING:
            raise mqtt.MqttError("refused, or greeted twice")
        self._state = UP
        self.session += 1
        self._pause_ms = self._first_pause_ms
        self._pinged = False
        self._next_ms = now_ms + KEEPALIVE_S * 500
        self._write(mqtt.subscribe(1, self._down_topic))

    def _fall(self, now_ms):
        self.faults += 1
        if self._socket is not None:
            self._hw.unwatch(self._socket)
            self._socket.close()
            self._socket = None
        self._pending = b""
        self._state = DOWN
        self._next_ms = now_ms + self._pause_ms
        self._pause_ms = min(PAUSE_MAX_MS, 2 * self._pause_ms)


class _Wifi:
    """The radio, where there is one; elsewhere the network is the operating system's."""

    def __init__(self):
        self._wlan = None
        self._asked_ms = None  # None: there has been a network since
        try:
            import network
            from secret import WIFI_PASSWORD, WIFI_SSID  # pyright: ignore[reportMissingImports]
        except ImportError:
            return
        self._wlan = network.WLAN(network.STA_IF)
        self._network = (WIFI_SSID, WIFI_PASSWORD)
        self._wlan.active(True)
        self._join(self._wlan)

    def ready(self, now_ms):
        """Whether there is a network. Some drivers join again by themselves, some give up."""
        if self._wlan is None or self._wlan.isconnected():
            self._asked_ms = None
            return True
        if self._asked_ms is None:
            self._asked_ms = now_ms
        elif diff_ms(now_ms, self._asked_ms) >= RADIO_MS:
            self._asked_ms = now_ms
            self._join(self._wlan)
        return False

    def _join(self, wlan):
        try:  # noqa: SIM105  no contextlib on a chip
            wlan.disconnect()  # an ESP32 in the middle of joining refuses to be told again
        except OSError:
            pass  # nothing to leave
        try:  # noqa: SIM105  no contextlib on a chip
            wlan.connect(self._network[0], self._network[1])  # returns at once
        except OSError:
            pass  # the next time
