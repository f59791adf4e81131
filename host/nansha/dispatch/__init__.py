"""Dispatch and transition functions (IEEE 2030.7): from an image to setpoints, without any I/O."""

from nansha.dispatch.model import AssetDispatch, Dispatch, Mode
from nansha.dispatch.state import ControlState
from nansha.dispatch.step import Controller

__all__ = ["AssetDispatch", "ControlState", "Controller", "Dispatch", "Mode"]
