"""MQTT 3.1.1 without I/O: bytes in, frames out, and the bytes to send. QoS 0 only.

Sequence numbers, leases and acknowledgements are the wire's own, so the broker's would only add
state that can hang. Written for a node because the client libraries for MicroPython block while
they connect, and a node that waits for a broker is a node whose protection does not run.
"""

import struct

CONNECT, CONNACK, PUBLISH, SUBSCRIBE, SUBACK, PINGREQ, PINGRESP = 1, 2, 3, 8, 9, 12, 13

MAX_PACKET = 1024  # what a node accepts; a longer packet closes the connection


class MqttError(Exception):
    """The peer does not speak as MQTT 3.1.1 does, or refused us."""


def _string(text):
    data = text.encode()
    return struct.pack(">H", len(data)) + data


def _packet(first, body):
    size = len(body)
    length = b""
    while True:
        byte = size & 0x7F
        size >>= 7
        length += bytes((byte | (0x80 if size else 0),))
        if not size:
            return bytes((first,)) + length + body


def connect(client_id, keepalive_s, user="", password=""):
    """CONNECT with a clean session."""
    flags = 2 | (0xC0 if user else 0)
    body = _string("MQTT") + struct.pack(">BBH", 4, flags, keepalive_s) + _string(client_id)
    if user:
        body += _string(user) + _string(password)
    return _packet(CONNECT << 4, body)


def subscribe(packet_id, topic):
    """SUBSCRIBE to one topic with QoS 0."""
    return _packet(SUBSCRIBE << 4 | 2, struct.pack(">H", packet_id) + _string(topic) + b"\x00")


def publish(topic, payload):
    """PUBLISH with QoS 0, not retained: an old command must not greet a node that comes back."""
    return _packet(PUBLISH << 4, _string(topic) + payload)


PING = bytes((PINGREQ << 4, 0))


class Reader:
    """Cuts a stream into packets: `feed` returns [(type, flags, body), ...]."""

    def __init__(self):
        self._held = b""

    def feed(self, data):
        """Packets completed by `data`. MqttError on nonsense or a packet above MAX_PACKET."""
        self._held += data
        packets = []
        while True:
            head = self._head()
            if head is None:
                return packets
            start, size = head
            if len(self._held) < start + size:
                return packets
            first = self._held[0]
            packets.append((first >> 4, first & 15, self._held[start : start + size]))
            self._held = self._held[start + size :]

    def _head(self):
        size = 0
        for index in range(1, 5):
            if index >= len(self._held):
                return None
            byte = self._held[index]
            size |= (byte & 0x7F) << (7 * (index - 1))
            if size > MAX_PACKET:
                raise MqttError("packet of %d bytes: at most %d" % (size, MAX_PACKET))
            if not byte & 0x80:
                return index + 1, size
        raise MqttError("length of more than four bytes")


def payload(flags, body):
    """The payload of a PUBLISH with QoS 0."""
    if flags & 6:
        raise MqttError("QoS above 0 was not asked for")
    if len(body) < 2:
        raise MqttError("PUBLISH without a topic")
    size = struct.unpack_from(">H", body, 0)[0]
    if len(body) < 2 + size:
        raise MqttError("PUBLISH with half a topic")
    return body[2 + size :]
