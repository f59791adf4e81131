"""Faults of links: what is lost, late, repeated, forged or corrupt on the way."""

from __future__ import annotations

import dataclasses
from typing import Literal

from pydantic import Field, model_validator

from nansha_hil.attack import excessive_setpoints, forged_setpoints
from nansha_hil.net import PROFILES, LinkProfile, ProfileName
from nansha_hil.scenario.entry import Assets, listed
from nansha_hil.scenario.faults_grid import Fault
from nansha_hil.scenario.words import Duration, duration_text
from nansha_hil.stage import Stage


class _LinkFault(Fault):
    asset: Assets = "*"

    def lockstep_only(self) -> bool:
        """The rig's network is on the rig's clock."""
        return True


class _Worsens(_LinkFault):
    """A link is worse than usual for a while."""

    def worse(self, usual: LinkProfile) -> LinkProfile:
        """What it is like meanwhile."""
        raise NotImplementedError

    def begin(self, stage: Stage) -> None:
        """Worsen."""
        for asset in stage.each(self.names()):
            link = stage.machinery.net.links[asset]
            link.profile = self.worse(link.usual)

    def end_text(self) -> str:
        """What ends."""
        return f"the link of {listed(self.names())} is as usual"

    def end(self, stage: Stage) -> None:
        """As usual."""
        for asset in stage.each(self.names()):
            link = stage.machinery.net.links[asset]
            link.profile = link.usual


class LinkLoss(_Worsens):
    """A link carries nothing, or loses a share of its frames."""

    fault: Literal["link_loss"]
    share: float = Field(default=1.0, gt=0.0, le=1.0)

    def text(self) -> str:
        """What begins."""
        much = "is cut" if self.share == 1.0 else f"loses {100 * self.share:.0f} % of its frames"
        return f"the link of {listed(self.names())} {much}"

    def end_text(self) -> str:
        """What ends."""
        return f"the link of {listed(self.names())} is whole again"

    def worse(self, usual: LinkProfile) -> LinkProfile:
        """Frames are lost."""
        return dataclasses.replace(usual, loss=self.share)

    def begin(self, stage: Stage) -> None:
        """Lose; a cut takes what is on its way as well."""
        if self.share == 1.0:
            stage.machinery.net.cut(stage.each(self.names()))
        else:
            super().begin(stage)

    def end(self, stage: Stage) -> None:
        """Heal."""
        if self.share == 1.0:
            stage.machinery.net.mend(stage.each(self.names()))
        else:
            super().end(stage)


class LinkCorruption(_Worsens):
    """A share of the frames has bits turned over on the way."""

    fault: Literal["link_corruption"]
    share: float = Field(default=0.3, gt=0.0, le=1.0)

    def text(self) -> str:
        """What begins."""
        return f"the link of {listed(self.names())} corrupts {100 * self.share:.0f} % of its frames"

    def end_text(self) -> str:
        """What ends."""
        return f"the link of {listed(self.names())} is clean again"

    def worse(self, usual: LinkProfile) -> LinkProfile:
        """Bits are turned over."""
        return dataclasses.replace(usual, corruption=self.share)


class LinkPoor(_Worsens):
    """A link behaves like another kind for a while."""

    fault: Literal["link_poor"]
    like: ProfileName = "cellular_poor"

    def text(self) -> str:
        """What begins."""
        return f"the link of {listed(self.names())} is like {self.like.replace('_', ', ')}"

    def worse(self, usual: LinkProfile) -> LinkProfile:
        """Another kind."""
        return PROFILES[self.like]


class LinkLate(_Worsens):
    """Every frame takes its time, each way; with `way = "down"` only commands do."""

    fault: Literal["link_late"]
    latency_s: Duration = Field(alias="latency")
    way: Literal["both", "down"] = "both"

    def text(self) -> str:
        """What begins."""
        of = "the link of" if self.way == "both" else "the way of commands to"
        return f"{of} {listed(self.names())} takes {duration_text(self.latency_s)}"

    def worse(self, usual: LinkProfile) -> LinkProfile:
        """Slower."""
        latency_ms = 1000.0 * self.latency_s
        if self.way == "down":
            return dataclasses.replace(usual, down_ms=latency_ms)
        return dataclasses.replace(usual, latency_ms=latency_ms)


class LinkReplay(_LinkFault):
    """Somebody plays again what the link carried in the last `recorded`, both ways, all at once.

    older_than: what is younger than that is left out.
    """

    fault: Literal["link_replay"]
    recorded_s: Duration = Field(default=60.0, alias="recorded")
    older_than_s: Duration = Field(default=0.0, alias="older_than")

    @model_validator(mode="after")
    def _some(self) -> LinkReplay:
        if self.older_than_s >= self.recorded_s:
            raise ValueError(
                f"older_than {duration_text(self.older_than_s)} leaves nothing of recorded "
                f"{duration_text(self.recorded_s)}; make it shorter"
            )
        return self

    def text(self) -> str:
        """What begins."""
        return f"old frames are played to {listed(self.names())} and to the host"

    def begin(self, stage: Stage) -> None:
        """Play."""
        since_us = stage.now_us() - round(self.recorded_s * 1e6)
        until_us = stage.now_us() - round(self.older_than_s * 1e6)
        for asset in stage.each(self.names()):
            link = stage.machinery.net.links[asset]
            for up in (False, True):
                for data in link.recorded(up, since_us, until_us):
                    stage.machinery.inject(asset, data, up)


class LinkForged(_LinkFault):
    """Somebody without the key sends commands: everything open, full power, wrong way round."""

    fault: Literal["link_forged"]

    def text(self) -> str:
        """What begins."""
        return f"forged commands are sent to {listed(self.names())}"

    def begin(self, stage: Stage) -> None:
        """Send."""
        for asset in stage.each(self.names()):
            known = stage.machinery.net.links[asset].recorded(up=False)
            for data in forged_setpoints(stage.boards[asset].spec, known, stage.luck):
                stage.machinery.inject(asset, data, False)


class RogueCommands(_LinkFault):
    """A host with the right keys and a wrong site file asks for twice what a node may do."""

    fault: Literal["rogue_commands"]

    def text(self) -> str:
        """What begins."""
        return f"a host with a wrong site file commands {listed(self.names())}"

    def begin(self, stage: Stage) -> None:
        """Send."""
        for asset in stage.each(self.names()):
            link, spec = stage.machinery.net.links[asset], stage.boards[asset].spec
            heard = link.recorded(up=True)
            for data in excessive_setpoints(spec, heard, stage.machinery.keys[asset]):
                stage.machinery.inject(asset, data, False)
