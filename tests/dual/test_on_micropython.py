"""Runs every dual module on the MicroPython VM, with the heap of each chip. Under pytest only."""

import os
import shutil
import subprocess
import sysconfig
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

HERE = Path(__file__).parent
FIRMWARE = HERE.parents[1] / "firmware"
CORE = HERE.parents[1] / "core_c" / "nansha_core"
# What a node can carry of the core: these files, and no __init__, which pulls the compiled solver.
NODE_CORE = ("errors.py", "watts.py", "watts_check.py", "watts_problem.py")
PYTEST_ONLY = ("test_on_micropython", "test_boards_current", "test_mutants")
MODULES = sorted(p.stem for p in HERE.glob("test_*.py") if p.stem not in PYTEST_ONLY)
# Objects of the 64-bit VM are twice as large as a chip's, so the heap is given in words.
HEAPS = {"esp32": "110wK", "rp2040": "190wK"}
VM = Path(sysconfig.get_path("scripts")) / "micropython"

pytestmark = pytest.mark.skipif(not VM.exists(), reason="the MicroPython VM is not installed")


def run_on_vm(module: str, heap: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """One VM, one module; `folder` takes what the tests write, and the core of a node."""
    (folder / "nansha_core").mkdir(exist_ok=True)
    for name in NODE_CORE:
        shutil.copy(CORE / name, folder / "nansha_core")
    return subprocess.run(
        [str(VM), "-X", f"heapsize={heap}", str(HERE / "run_on_vm.py"), module],
        cwd=folder,
        env={
            "PATH": os.environ.get("PATH", ""),
            "MICROPYPATH": f"{folder}:{HERE}:{FIRMWARE}:.frozen",
        },
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


@pytest.fixture(scope="session")
def runs(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[tuple[str, str], Future[subprocess.CompletedProcess[str]]]]:
    """All VMs that this session asks for, started together: they are processes of their own."""
    with ThreadPoolExecutor(max(1, min(4, os.cpu_count() or 1))) as pool:
        wanted = [
            (item.callspec.params["module"], item.callspec.params["chip"])  # type: ignore[attr-defined]
            for item in request.session.items
            if getattr(item, "originalname", "") == "test_module_on_vm"
        ]
        yield {
            (module, chip): pool.submit(
                run_on_vm, module, HEAPS[chip], tmp_path_factory.mktemp(f"{chip}_{module}")
            )
            for module, chip in wanted
        }


@pytest.mark.parametrize("module", MODULES)
@pytest.mark.parametrize("chip", HEAPS)
def test_module_on_vm(
    chip: str,
    module: str,
    runs: dict[tuple[str, str], "Future[subprocess.CompletedProcess[str]]"],
) -> None:
    done = runs[module, chip].result()
    lines = done.stdout.strip().splitlines()
    counts = lines[-1].split() if lines else []
    text = f"{done.stdout[-6000:]}\n{done.stderr[-2000:]}"
    assert done.returncode == 0, text
    assert counts[2:] == ["0", "failed"] and int(counts[0]) > 0, text


def test_a_failing_module_is_seen(tmp_path: Path) -> None:
    """The runner itself: a failed assertion and a broken import must not pass for a success."""
    (tmp_path / "test_bad.py").write_text("def test_x():\n    assert 1 == 2, 'why'\n")
    (tmp_path / "test_broken.py").write_text("import no_such_module\n")
    for name, said in (("test_bad", "test_bad.test_x: AssertionError why"), ("test_broken", "")):
        done = run_on_vm(name, "110wK", tmp_path)
        assert done.returncode != 0
        assert said in done.stdout
