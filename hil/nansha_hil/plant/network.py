"""Where the recorder looks for the modes."""

from nansha_hil.plant.happenings import LIVE_PU as LIVE_PU
from nansha_hil.plant.happenings import BusMode as BusMode
