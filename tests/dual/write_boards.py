"""Writes dual_boards/*.txt anew from the demo site: `python tests/dual/write_boards.py`."""

from pathlib import Path

from nansha.site import load_site

HERE = Path(__file__).parent
if __name__ == "__main__":
    site = load_site(HERE.parents[1] / "sites" / "nansha_campus.toml")
    for asset in site.assets:
        (HERE / "dual_boards" / f"{asset.id}.txt").write_text(site.board_py(asset.id))
