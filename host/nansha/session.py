"""A session: frames in, cycles, frames out. No sockets, no ports, no clock: time comes in from
outside.

So the same session runs behind real links in real time and on the rig's virtual clock.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass

from nansha.dispatch import LEASE_MS, AssetDispatch, Controller, ControlState, Dispatch
from nansha.dispatch.prices import Prices
from nansha.historian import Historian
from nansha.image import STALE_MS, Image, ImageBuilder, Sample
from nansha.peer import CONTINGENCY_DELAY_MS, CONTINGENCY_MS, LAST_COUNTER, Peer
from nansha.site import AnyAsset, Battery, EvCharger, Pv, Site
from nansha.tariff import load_tariff
from nansha_core import CertificateError
from nansha_wire import codes, frames
from nansha_wire import messages as m
from nansha_wire.auth import Key, node_key

URGENT = (codes.EV_TRIP, codes.EV_TRIP_CLEARED, codes.EV_OPENED, codes.EV_CLOSED, codes.EV_BOOT)
"""Events that do not wait for the next regular cycle."""

REFUSALS = {
    codes.FORGED: "its key is another: flash it with `nansha board SITE ASSET`",
    codes.REPEATED: "its counter had been used: is a second host commanding this site?",
    codes.LATE: "it came too late: look at the link's delay",
    codes.OUT_OF_BOUNDS: "it is outside the node's bounds: its board.py is of another site file",
    codes.UNKNOWN: "it does not know the message: its firmware is of another version",
}
"""What an operator has to know of each refusal."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A frame on its way to a node."""

    node: int
    frame: bytes


def make_controller(site: Site, hot_day: bool) -> Controller:
    """The controller of a site, with the site's tariff."""
    return Controller(site, Prices(load_tariff(site.info.tariff), site.info.timezone, hot_day))


def make_builder(site: Site) -> ImageBuilder:
    """The image builder of a site."""
    return ImageBuilder(
        {asset.node: asset.id for asset in site.assets},
        {asset.id: asset.role for asset in site.assets},
    )


def digest(dispatch: Dispatch) -> bytes:
    """16 bytes that stand for every bit of a dispatch: what a replay has to meet."""
    text = json.dumps(
        [
            dispatch.t_ms,
            dispatch.mode,
            dispatch.price.hex(),
            dispatch.residual_w.hex(),
            dispatch.shortage_w.hex(),
            dispatch.surplus_w.hex(),
            [
                [a.asset, a.p_w, a.closed, a.reason, a.armed, a.armed_f_hz.hex(), a.sheds]
                for a in dispatch.assets
            ],
        ],
        separators=(",", ":"),
    )
    return hashlib.blake2b(text.encode(), digest_size=16).digest()


class Session:
    """The host's side of one site."""

    def __init__(
        self,
        site: Site,
        secret: bytes,
        historian: Historian | None = None,
        *,
        now_ms: int,
        hot_day: bool = False,
        notice: Callable[[str], None] = lambda text: None,
    ) -> None:
        """Begin, or resume from what `historian` holds. `notice` takes one-line messages."""
        self.site = site
        self.historian = historian
        self.dispatch: Dispatch | None = None
        self._image: Image | None = None
        self.refused_certificates = 0
        self.bad_frames = 0
        self._notice = notice
        self._controller = make_controller(site, hot_day)
        self._controller.prices.ahead(now_ms)  # a tariff without a price for today says so now
        self._builder = make_builder(site)
        self._state = ControlState()
        self._peers = {a.node: self._peer(a, secret) for a in site.assets}
        self._by_asset = {peer.asset: peer for peer in self._peers.values()}
        self._run = 0
        self._frames = 0
        if historian is not None:
            historian.expect(site.id)
            known = historian.last_state()
            if known is not None:
                self._state = ControlState.from_json(known[1])
            self._run = historian.next_run()
            historian.add("runs", self._run, now_ms, site.id, int(hot_day), self._state.to_json())
            historian.flush()

    @staticmethod
    def _peer(asset: AnyAsset, secret: bytes) -> Peer:
        key = Key(node_key(secret, asset.node))
        if isinstance(asset, Pv | Battery | EvCharger):
            return Peer(asset.id, asset.node, key, max(50, round(asset.rated_w * 0.005)), True)
        return Peer(asset.id, asset.node, key, 0, False)

    @property
    def state(self) -> ControlState:
        """The controller's memory."""
        return self._state

    def peer(self, asset: str) -> Peer:
        """What is known of the node of `asset`."""
        return self._by_asset[asset]

    def image_of(self, asset: str) -> Sample | None:
        """The asset as the last cycle saw it."""
        return self._image.samples.get(asset) if self._image is not None else None

    # in

    def receive(self, t_ms: int, data: bytes) -> bool:
        """Take in one frame that arrived at `t_ms`; True when it asks for a cycle at once."""
        try:
            frame = frames.decode(data)
        except frames.FrameError:
            self.bad_frames += 1
            return False
        peer = self._peers.get(frame.node)
        if peer is None:
            self.bad_frames += 1
            return False
        if frame.ident == m.TELEMETRY:
            return self._telemetry(t_ms, peer, frame, data)
        if frame.ident == m.EVENT:
            return self._event(t_ms, peer, frame)
        if frame.ident == m.ACK:
            self._ack(t_ms, peer, frame)
        elif frame.ident == m.IDENTITY:
            self._identity(t_ms, peer, frame)
        else:
            self.bad_frames += 1
        return False

    def _telemetry(self, t_ms: int, peer: Peer, frame: frames.Frame, data: bytes) -> bool:
        body = frame.body
        if peer.outdated(body.boot_id, frame.t_ms, t_ms):
            return False
        if body.boot_id != peer.boot_id:
            peer.rebooted(body.boot_id)
        peer.seen_ms = frame.t_ms
        peer.arrived_ms = t_ms
        peer.missed(body.counter, t_ms)
        peer.counter = max(peer.counter, body.counter)
        was_leased, peer.leased = peer.leased, bool(body.flags & codes.FLAG_LEASE)
        self._builder.telemetry(t_ms, frame)
        if self.historian is not None:
            self.historian.add("frames", self._run, t_ms, data)
            self._frames += 1
        return was_leased and not peer.leased

    def _event(self, t_ms: int, peer: Peer, frame: frames.Frame) -> bool:
        body = frame.body
        if body.boot_id != peer.boot_id:
            peer.rebooted(body.boot_id)
        peer.hold_event(body.number, body.oldest)
        name = codes.EVENTS[body.code] if body.code < len(codes.EVENTS) else str(body.code)
        self._record_event(t_ms, peer.asset, name, body.value, body.boot_id, body.number)
        return body.code in URGENT

    def _ack(self, t_ms: int, peer: Peer, frame: frames.Frame) -> None:
        code = frame.body.result
        result = codes.RESULTS[code] if code < len(codes.RESULTS) else str(code)
        peer.results[result] = peer.results.get(result, 0) + 1
        if code != codes.ACCEPTED:
            peer.setpoint = None  # send it again, on a newer telemetry
            peer.contingency = None
            if peer.news(result, t_ms):
                why = REFUSALS.get(code, result)
                self._notice(f"{peer.asset}: its node refused a command: {why}")
            self._record_event(t_ms, peer.asset, f"refused_{result}", frame.body.counter)

    def _identity(self, t_ms: int, peer: Peer, frame: frames.Frame) -> None:
        facts = frame.body
        said = (facts.get("site"), facts.get("asset"))
        peer.stranger = None
        if said != (self.site.id, peer.asset):
            peer.stranger = "/".join(str(part) for part in said)
            self._notice(
                f"node {peer.node}: it says it is {peer.stranger}, the site file says "
                f"{self.site.id}/{peer.asset}: it gets no commands; flash it with "
                f"`nansha board SITE {peer.asset}` or mend the site file"
            )
        self._record_event(t_ms, peer.asset, "identity", 0)

    def _record_event(
        self,
        t_ms: int,
        asset: str,
        name: str,
        value: int,
        boot_id: int | None = None,
        number: int | None = None,
    ) -> None:
        if self.historian is not None:
            self.historian.add("events", t_ms, asset, boot_id, number, name, value)

    def flush(self, t_ms: int) -> bool:
        """Put everything on disk, with the state to resume from; False when it has to wait."""
        if self.historian is not None:
            self.historian.add("state", t_ms, self._state.to_json())
            if not self.historian.flush():
                return False
        for peer in self._peers.values():
            peer.kept()
        return True

    # out

    def cycle(self, t_ms: int) -> list[Outgoing]:
        """Decide on what is known at `t_ms`; the frames to send, those that take power first."""
        image = self._builder.image(t_ms)
        try:
            self._state, dispatch = self._controller.step(self._state, image)
        except CertificateError as error:
            self.refused_certificates += 1
            self._notice(f"a dispatch did not pass its check and was not sent: {error}")
            return []  # every lease runs out, every node falls back on its own
        self.dispatch = dispatch
        self._image = image
        if self.historian is not None:
            self.historian.add(
                "cycles",
                self._run,
                t_ms,
                self._frames,
                dispatch.mode.value,
                dispatch.price,
                dispatch.residual_w,
                dispatch.shortage_w,
                dispatch.surplus_w,
                digest(dispatch),
            )
        out: list[Outgoing] = []
        for item in sorted(dispatch.assets, key=lambda a: not a.sheds):
            peer = self._by_asset[item.asset]
            heard = peer.arrived_ms >= 0 and t_ms - peer.arrived_ms <= STALE_MS
            if peer.stranger is None and heard and peer.counter <= LAST_COUNTER:
                self._send(out, peer, item, t_ms)
        return out

    def _send(self, out: list[Outgoing], peer: Peer, item: AssetDispatch, t_ms: int) -> None:
        if peer.wants_setpoint(item, t_ms):
            told = (item.p_w, int(item.closed), LEASE_MS)
            self._command(out, peer, m.SETPOINT, told, t_ms, item)
            peer.setpoint, peer.setpoint_ms = item, t_ms
        if peer.wants_contingency(item, t_ms):
            f_mhz = round(item.armed_f_hz * 1000)
            ready = (int(item.armed), f_mhz, CONTINGENCY_DELAY_MS, CONTINGENCY_MS)
            self._command(out, peer, m.CONTINGENCY, ready, t_ms, item)
            peer.contingency, peer.contingency_ms = (item.armed, item.armed_f_hz), t_ms
        if peer.wants_time(t_ms):
            self._command(out, peer, m.TIME, (t_ms, peer.events_kept), t_ms, None)
            peer.owes_time, peer.time_ms = False, t_ms

    def _command(
        self,
        out: list[Outgoing],
        peer: Peer,
        ident: int,
        values: tuple[int, ...],
        t_ms: int,
        item: AssetDispatch | None,
    ) -> None:
        peer.counter += 1
        peer.sent_ms = t_ms
        peer.seq = (peer.seq + 1) & 0xFFFF
        frame = frames.encode_command(
            ident,
            peer.node,
            peer.seq,
            t_ms & 0x3FFFFFFF,
            (peer.counter, peer.seen_ms, *values),
            peer.key,
            peer.boot_id,
        )
        out.append(Outgoing(peer.node, frame))
        if self.historian is not None and item is not None:
            self.historian.add(
                "sent",
                t_ms,
                peer.asset,
                "setpoint" if ident == m.SETPOINT else "contingency",
                peer.counter,
                item.p_w,
                item.closed,
                item.armed,
                item.reason,
            )
