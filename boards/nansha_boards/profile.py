"""Protection profiles as dated data: trips and reconnection by role, each with its source."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from nansha_boards.model import TripKind

Confidence = Literal["A", "B", "C"]
"""A: read in a public text; B: a secondary source; C: recalled, to be replaced."""


class _Frozen(BaseModel):
    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, use_attribute_docstrings=True
    )


class TripRule(_Frozen):
    """One trip: open when the value is beyond the threshold for the delay."""

    model_config = ConfigDict(strict=True)

    kind: TripKind
    """ov, uv: voltage; of, uf: frequency; oc: current."""
    pu: float | None = Field(default=None, gt=0, le=3)
    """ov, uv: of nominal voltage; oc: of rated current."""
    hz: float | None = Field(default=None, gt=0, le=100)
    """of, uf: absolute frequency, Hz."""
    delay_s: float = Field(ge=0, le=600)
    """Time beyond the threshold before the relay opens, s."""
    source: str = ""
    """Where the number comes from."""
    confidence: Confidence = "C"
    """How far it is to be believed."""

    @model_validator(mode="after")
    def _one_threshold(self) -> "TripRule":
        wanted, other = ("hz", "pu") if self.kind in ("of", "uf") else ("pu", "hz")
        if getattr(self, wanted) is None or getattr(self, other) is not None:
            raise ValueError(f"a trip of kind {self.kind!r} takes {wanted}, not {other}")
        return self


class RoleProfile(_Frozen):
    """Protection of one role (of one tier, for loads)."""

    trips: tuple[TripRule, ...]
    """Trips, all watched at once."""
    v_ok_pu: tuple[float, float]
    """Voltage window for reconnection, of nominal."""
    f_ok_hz: tuple[float, float]
    """Frequency window for reconnection, Hz."""
    reconnect_s: float = Field(ge=0)
    """Time inside both windows before reconnection, s."""
    auto_reconnect_s: float = Field(default=0, ge=0)
    """poi: time of a healthy grid before it closes with no host, s."""
    droop_hz: float = Field(default=0, ge=0)
    """battery: deviation for full power, Hz."""
    droop_deadband_hz: float = Field(default=0, ge=0)
    """battery: deviation that is left alone, Hz."""
    fw_start_hz: float = Field(default=0, ge=0)
    """pv: power starts to fall, Hz."""
    fw_stop_hz: float = Field(default=0, ge=0)
    """pv: power is zero, Hz."""
    uf_hz: float = Field(default=0, ge=0)
    """load: under-frequency step, Hz."""
    uf_delay_s: float = Field(default=0, ge=0)
    """load: its delay, s."""
    restore_hz: float = Field(default=0, ge=0)
    """load: frequency above which it may come back, Hz."""
    restore_delay_s: float = Field(default=0, ge=0)
    """load: time above restore_hz before it comes back, s."""
    source: str
    """Source of the numbers that are not trips."""
    confidence: Confidence
    """Confidence in them."""


class Profile(_Frozen):
    """A named, dated set of protection settings."""

    name: str
    """Name used in a site file, the same as the file's."""
    title: str
    """What it is, for people."""
    date: str
    """Day the numbers were last looked at, ISO."""
    nominal_hz: float
    """Frequency of the systems it is for, Hz."""
    pv: RoleProfile
    """PV converters."""
    battery: RoleProfile
    """Battery converters."""
    ev_charger: RoleProfile
    """Chargers."""
    poi: RoleProfile
    """Point of interconnection."""
    load_critical: RoleProfile
    """Loads that are shed last."""
    load_priority: RoleProfile
    """Loads that are shed second."""
    load_interruptible: RoleProfile
    """Loads that are shed first."""

    def for_role(self, role: str, tier: str = "") -> RoleProfile:
        """Settings of a role (and tier, for loads); AttributeError for an unknown one."""
        settings = getattr(self, f"load_{tier}" if role == "load" else role)
        assert isinstance(settings, RoleProfile)
        return settings

    def weakest_confidence(self) -> Confidence:
        """The least confidence of any number in it: what a report must show."""
        seen: set[Confidence] = set()
        for role in ("pv", "battery", "ev_charger", "poi"):
            seen |= _confidences(self.for_role(role))
        for tier in ("critical", "priority", "interruptible"):
            seen |= _confidences(self.for_role("load", tier))
        return max(seen)


def _confidences(settings: RoleProfile) -> set[Confidence]:
    return {settings.confidence, *(trip.confidence for trip in settings.trips)}
