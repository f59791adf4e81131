"""A bad grid must leave an island: the breaker opens before a converter or critical load does."""

from pathlib import Path

from nansha.site import load_site

SITE = load_site(Path(__file__).parents[3] / "sites" / "nansha_campus.toml")
LOOKS_MS = 20
"""Two looks of a fast node: one to see it, one to be sure of the time."""
CONTACT_MS = 15


def beyond(kind, poi_threshold, threshold):
    """Whether the poi's element sees everything that the other one sees."""
    if kind in ("uv", "uf"):
        return poi_threshold >= threshold
    return poi_threshold <= threshold


def test_the_breaker_is_faster_than_the_battery_and_pv_in_every_band():
    poi = SITE.node_spec("poi").trips
    for asset in ("battery", "pv_roof"):
        for kind, threshold, delay_ms in SITE.node_spec(asset).trips:
            if kind == "oc":
                continue
            guards = [d for k, t, d in poi if k == kind and beyond(kind, t, threshold)]
            assert guards, (asset, kind, threshold)
            assert min(guards) + LOOKS_MS + CONTACT_MS < delay_ms, (asset, kind, threshold)


def test_the_critical_load_waits_for_the_breaker():
    load = SITE.node_spec("load_critical")
    slowest = max(d for k, t, d in SITE.node_spec("poi").trips if k == "uf")
    assert load.uf_delay_ms > slowest + LOOKS_MS + CONTACT_MS
