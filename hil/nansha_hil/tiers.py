"""Which board runs on what: `--tier vm`, `--tier chip`, or mixed, `--tier battery=chip`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from nansha.errors import NanshaError
from nansha_boards import NodeSpec, load_board
from nansha_hil.board import Board
from nansha_hil.plant import Plant
from nansha_hil.vm_board import VmBoard

TIERS = ("vm", "chip", "qemu", "bench")


@dataclass(frozen=True, slots=True)
class Tiers:
    """The tier of every board: one for all, and others by asset."""

    default: str = "vm"
    by_asset: Mapping[str, str] = field(default_factory=dict)

    def of(self, asset: str) -> str:
        """The tier of an asset's board."""
        return self.by_asset.get(asset, self.default)

    @property
    def text(self) -> str:
        """As it is given on the command line."""
        words = [self.default] if self.default != "vm" else []
        words += [f"{asset}={tier}" for asset, tier in self.by_asset.items()]
        return " ".join(f"--tier {word}" for word in words)


VM_ONLY = Tiers()


def parse_tiers(words: Iterable[str], assets: Iterable[str]) -> Tiers:
    """What --tier says. Raises NanshaError for a tier or an asset that is not there."""
    default, by_asset = "vm", {}
    for word in words:
        asset, equals, tier = word.rpartition("=")
        if tier not in TIERS:
            raise NanshaError(
                f"{tier!r} is no tier", f"--tier {word}", "one of " + ", ".join(TIERS)
            )
        if equals and asset not in assets:
            raise NanshaError(
                f"the site has no asset {asset!r}", f"--tier {word}", "one of " + ", ".join(assets)
            )
        if equals:
            by_asset[asset] = tier
        else:
            default = tier
    return Tiers(default, by_asset)


def board_for(tier: str, site_board: str) -> str:
    """The board that a node's firmware is made for on a tier.

    The emulated chip is an RP2040: a node that the site file puts on another board gets a carrier
    with four analog inputs there, its pins in other places and its decisions the same.
    """
    chip = load_board(site_board).chip
    return "rp2040_bare" if tier == "chip" and chip != "rp2040" else site_board


def why_not(tier: str, bench: Path | None = None) -> str | None:
    """Why a tier cannot run here, with the mend; None where it can. `bench`: the bench file."""
    if tier == "chip":
        from nansha_hil.chip import available

        return available()
    if tier == "qemu":
        from nansha_hil.qemu import available as qemu_available

        return qemu_available()
    if tier == "bench":
        from nansha_hil.bench import available as bench_available

        return bench_available(bench)
    return None


def prepare(tier: str, say: Callable[[str], None]) -> None:
    """Build what a tier needs, once, before many boards of it start. Raises NanshaError."""
    if tier == "chip":
        from nansha_hil.chip import emulator
        from nansha_hil.chip.build import build

        build(say=say)
        emulator.build(say)


def make_board(
    tier: str, spec: NodeSpec, folder: Path, plant: Plant, firmware: Path | None = None
) -> Board:
    """A board of a tier in lock-step. Raises NanshaError where the tier cannot run here.

    firmware: another firmware than the installed one; None for that.
    """
    if tier == "vm":
        heap = load_board(spec.board).heap_kwords
        return VmBoard(spec, folder, heap, plant, firmware=firmware)
    reason = why_not(tier) if tier != "bench" else None  # what a bench lacks, real time tells
    if reason is not None:
        raise NanshaError(reason, f"tier {tier}")
    if tier != "chip":
        raise NanshaError("the tier runs on the wall's clock", f"tier {tier}", "add --realtime")
    from nansha_hil.chip.board import ChipBoard  # the emulator is only loaded where it is asked for
    from nansha_hil.chip.build import build

    return ChipBoard(spec, folder, build(firmware), plant)
