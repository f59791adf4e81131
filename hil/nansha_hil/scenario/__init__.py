"""Scenarios: an experiment on a site as data.

`load_scenario` reads and checks a TOML file; `Scenario.timeline` is what happens, `Scenario.checks`
what is asked.
"""

from nansha_hil.scenario.load import Action, Check, Scenario, load_scenario, load_variants
from nansha_hil.scenario.source import ScenarioError

__all__ = ["Action", "Check", "Scenario", "ScenarioError", "load_scenario", "load_variants"]
