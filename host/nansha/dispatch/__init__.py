"""Dispatch and transition functions (IEEE 2030.7): from an image to setpoints, without any I/O."""

from nansha.dispatch.model import LEASE_MS, AssetDispatch, Dispatch, Mode
from nansha.dispatch.state import ControlState
from nansha.dispatch.step import Controller

__all__ = ["LEASE_MS", "AssetDispatch", "ControlState", "Controller", "Dispatch", "Mode"]
