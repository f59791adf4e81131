"""The site's secret on disk, and powers as a person reads them."""

import io
import os
import stat
import subprocess
import sys

import pytest
from fake_site import FakeSite
from host_kit import demo
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from nansha.errors import NanshaError
from nansha.keys import create_secret, load_secret
from nansha.status import power_words, table
from nansha_wire.auth import node_key

posix = pytest.mark.skipif(os.name != "posix", reason="no such rights there")


@posix
@pytest.mark.parametrize("mask", [0o000, 0o022, 0o077])
def test_made_for_its_owner_alone(tmp_path, mask):
    before = os.umask(mask)
    try:
        secret = create_secret(tmp_path / "k.toml")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "k.toml").stat().st_mode) == 0o600
    assert load_secret(tmp_path / "k.toml") == secret and len(secret) == 32


@posix
@pytest.mark.parametrize("mode", [0o604, 0o640, 0o660, 0o601])
def test_readable_by_others_is_refused(tmp_path, mode):
    path = tmp_path / "k.toml"
    create_secret(path)
    path.chmod(mode)
    with pytest.raises(NanshaError, match="chmod 600"):
        load_secret(path)


def test_never_overwritten_and_never_the_same(tmp_path):
    path = tmp_path / "k.toml"
    secret = create_secret(path)
    with pytest.raises(NanshaError, match="already"):
        create_secret(path)
    assert load_secret(path) == secret != create_secret(tmp_path / "other.toml")


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b'site_secret = ""',
        b'site_secret = "zz"',
        b'site_secret = "' + b"ab" * 31 + b'"',
        b"site_secret = 7",
        b'other = "' + b"ab" * 32 + b'"',
        b"site_secret",
        b"\xff\xfe",
    ],
)
def test_what_is_no_secret(tmp_path, text):
    path = tmp_path / "k.toml"
    path.write_bytes(text)
    path.chmod(0o600)
    with pytest.raises(NanshaError) as caught:
        load_secret(path)
    assert caught.value.mend and "\n" not in str(caught.value)


def test_no_secret_no_folder(tmp_path):
    with pytest.raises(NanshaError, match="nansha keys"):
        load_secret(tmp_path / "k.toml")
    with pytest.raises(NanshaError, match="cannot be written"):
        create_secret(tmp_path / "none" / "k.toml")


@posix
def test_a_full_disk_leaves_no_half_secret(tmp_path):
    code = (
        "import resource, sys; from pathlib import Path; from nansha.keys import create_secret\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (20, 20))\n"
        "create_secret(Path(sys.argv[1]))"
    )
    path = tmp_path / "k.toml"
    child = subprocess.run(
        [sys.executable, "-B", "-c", code, str(path)], capture_output=True, text=True, timeout=20
    )
    assert "NanshaError" in child.stderr and "cannot be written" in child.stderr
    assert not path.exists()


def test_every_node_has_its_own_key():
    keys = {node_key(bytes(32), node) for node in range(1, 2000)}
    assert len(keys) == 1999
    assert node_key(bytes(32), 1) != node_key(bytes(31) + b"\x01", 1)


WORDS = {
    "battery": ("discharging", "charging"),
    "poi": ("importing", "exporting"),
    "pv": ("feeding", "drawing"),
    "load": ("feeding back", "using"),
    "ev_charger": ("feeding back", "charging"),
}


@pytest.mark.parametrize("role", WORDS)
def test_both_signs_of_every_role(role):
    into, out = WORDS[role]
    assert power_words(role, 1200.0) == f"{into} 1.20 kW"
    assert power_words(role, -1200.0) == f"{out} 1.20 kW"
    assert power_words(role, 0.0) == power_words(role, -4.9) == "nothing"


@given(st.sampled_from(sorted(WORDS)), st.floats(-1e8, 1e8))
def test_never_a_bare_sign(role, power_w):
    text = power_words(role, power_w)
    assert "-" not in text and "+" not in text and (text == "nothing" or text.endswith(" kW"))


def test_the_table_says_all_of_it():
    world = FakeSite(demo())
    for seconds, words in (
        (0, ["starting", "silent"]),
        (60, ["grid connected", "using 6.01 kW", "60 % full"]),
    ):
        world.run(seconds)
        screen = Console(file=io.StringIO(), width=200)
        screen.print(table(world.session, []))
        text = screen.file.getvalue()
        assert all(word in text for word in words)
        assert all(asset.name in text for asset in world.site.assets)
