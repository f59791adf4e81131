"""Runs the named test modules on whichever interpreter this is; made for MicroPython.

Usage: run_on_vm.py MODULE[:skipped_test,…] … One line a failed test, the counts in the last line.
"""

import gc
import sys


def run(names):
    """Run every `test_…` of the modules; the number of failures."""
    good = bad = 0
    for name in names:
        name, _, skipped = name.partition(":")
        module = __import__(name)
        for test in sorted(n for n in dir(module) if n.startswith("test_")):
            if test in skipped.split(","):
                continue
            gc.collect()
            try:
                getattr(module, test)()
                good += 1
            except Exception as error:
                bad += 1
                print(f"FAILED {name}.{test}: {type(error).__name__} {error}")
                if hasattr(sys, "print_exception"):
                    sys.print_exception(error, sys.stdout)
    print(f"{good} passed, {bad} failed")
    return bad


if __name__ == "__main__":
    sys.exit(1 if run(sys.argv[1:]) else 0)
