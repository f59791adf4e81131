"""All MQTT nodes of a site through one client. QoS 0: sequence, lease and acknowledgement are
ours."""

from __future__ import annotations

import asyncio

import aiomqtt

from nansha.links.base import FIRST_PAUSE_S, Deliver, LinkState, changed, longer
from nansha.tasks import end

_WAITING = 1000
"""Frames that may wait for a slow broker; older than the lease they would be worthless anyway."""
_KEEPALIVE_S = 10


class MqttLink:
    """Frames over MQTT 3.1.1: topics nansha/SITE/NODE/up and …/down."""

    def __init__(self, site: str, nodes: frozenset[int], host: str, port: int) -> None:
        self.name = f"mqtt://{host}:{port}"
        self.nodes = nodes
        self.state = LinkState(False, 0.0, "not connected yet")
        self.lost = 0
        self._site = site
        self._host = host
        self._port = port
        self._cancelled = False
        self._out: asyncio.Queue[tuple[str, bytes]] = asyncio.Queue(_WAITING)

    async def run(self, deliver: Deliver) -> None:
        """Stay connected and deliver what comes in, until cancelled."""
        pause_s = FIRST_PAUSE_S
        while True:
            why = ""
            try:
                async with aiomqtt.Client(
                    self._host,
                    self._port,
                    protocol=aiomqtt.ProtocolVersion.V311,
                    keepalive=_KEEPALIVE_S,
                    timeout=5,
                ) as client:
                    await client.subscribe(f"nansha/{self._site}/+/up", qos=0)
                    self.state = changed(self.state, True)
                    pause_s = FIRST_PAUSE_S
                    await self._carry(client, deliver)
            except (aiomqtt.MqttError, OSError) as error:
                why = str(error)
            if self._cancelled:
                # A dead broker makes the client's own goodbye fail, and that hid the cancellation.
                raise asyncio.CancelledError
            self.state = changed(self.state, False, f"{self.name}: {why}")
            self._empty()
            await asyncio.sleep(pause_s)
            pause_s = longer(pause_s)

    async def _carry(self, client: aiomqtt.Client, deliver: Deliver) -> None:
        """Both ways until the connection breaks, which the receiving side always notices."""
        sending = asyncio.create_task(self._send_all(client))
        try:
            await self._receive_all(client, deliver)
        except asyncio.CancelledError:
            self._cancelled = True
            raise
        finally:
            await end(sending)

    def send(self, node: int, frame: bytes) -> None:
        """Queue one frame; when the link is down it is lost at once, an old command helps
        nobody."""
        if not self.state.up or self._out.full():
            self.lost += 1
            return
        self._out.put_nowait((f"nansha/{self._site}/{node}/down", frame))

    async def _send_all(self, client: aiomqtt.Client) -> None:
        while True:
            topic, frame = await self._out.get()
            await client.publish(topic, frame, qos=0)

    async def _receive_all(self, client: aiomqtt.Client, deliver: Deliver) -> None:
        async for message in client.messages:
            if isinstance(message.payload, bytes):
                deliver(message.payload)

    def _empty(self) -> None:
        while not self._out.empty():
            self._out.get_nowait()
            self.lost += 1
