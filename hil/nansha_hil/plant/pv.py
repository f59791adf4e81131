"""Where the recorder looks for Pv."""

from nansha_hil.plant.nodes import Pv as Pv
