"""Where the recorder looks for Load."""

from nansha_hil.plant.nodes import Load as Load
