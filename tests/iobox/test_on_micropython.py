"""The same module on the MicroPython VM, with the heap of the box's chip."""

import os
import subprocess
import sysconfig
from pathlib import Path

import pytest

HERE = Path(__file__).parent
DUAL = HERE.parent / "dual"
FIRMWARE = HERE.parents[1] / "firmware"
VM = Path(sysconfig.get_path("scripts")) / "micropython"


@pytest.mark.skipif(not VM.exists(), reason="the MicroPython VM is not installed")
def test_box_on_vm(tmp_path):
    done = subprocess.run(
        [str(VM), "-X", "heapsize=190wK", str(DUAL / "run_on_vm.py"), "test_box"],
        cwd=tmp_path,
        env={
            "PATH": os.environ.get("PATH", ""),
            "MICROPYPATH": f"{HERE}:{DUAL}:{FIRMWARE}:.frozen",
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    counts = done.stdout.strip().splitlines()[-1:]
    text = f"{done.stdout[-4000:]}\n{done.stderr[-2000:]}"
    assert done.returncode == 0, text
    wanted = (HERE / "test_box.py").read_text().count("\ndef test_")
    assert counts == [f"{wanted} passed, 0 failed"], text
