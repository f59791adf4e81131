# CI, README and people call these same targets. Nothing here needs root.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready

.PHONY: setup demo test hil chip validate hunt bench soak memcheck lint docs clean help

help:  ## what there is to make
	@grep -hE '^[a-z]+:.*##' Makefile | sed 's/:.*##/\t/'

setup: $(READY)  ## the virtual environment with everything in it

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "nansha needs Python 3.11 or newer: make PYTHON=python3.12 …"; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null \
	  || { echo "Python's venv is missing: apt install python3-venv"; exit 1; }
	@$(PYTHON) -c 'import os, sys, sysconfig; \
	  sys.exit(not os.path.exists(os.path.join(sysconfig.get_path("include"), "Python.h")))' \
	  || { echo "Python's headers are missing: apt install python3-dev"; exit 1; }
	$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 1; }

$(READY): $(BIN)/python pyproject.toml .ci/constraints.txt $(wildcard core_c/nansha_core/*.p[yx][xd] core_c/nansha_core/*.h hil/nansha_hil/plant/*.p[yx][xd] hil/nansha_hil/plant/*.h)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c .ci/constraints.txt -e '.[dev]'
	@touch $@

demo: $(READY)  ## a day of a microgrid on real firmware: out/demo/report.html
	$(BIN)/nansha hil run scenarios/guangzhou_day.toml --out out/demo

hil: $(READY)  ## all scenarios on all tiers that can run here: out/hil/junit.xml
	$(BIN)/nansha hil suite scenarios/suite --out out/hil

chip: $(READY)  ## the firmware image for the emulated RP2040, and its tests
	$(BIN)/python -m nansha_hil.chip.build --out out/chip
	$(BIN)/python -m pytest -q tests/chip

validate: $(READY)  ## the plant beside other people's models: out/validate
	$(BIN)/python tests/validation/run.py --out out/validate

test: $(READY)  ## every test
	$(BIN)/python -m pytest -q

bench: $(READY)  ## the power balance beside other solvers: out/bench
	$(BIN)/python tests/bench/run.py --out out/bench
	$(BIN)/python tests/bench/rig/run.py --out out/bench_rig

soak: $(READY)  ## the long hunts
	$(BIN)/python -m pytest -q -m 'soak or network' --override-ini timeout=3600
	$(BIN)/python -m pytest -q tests/unit --hypothesis-profile=hunt --override-ini timeout=3600

SANITIZE := -fsanitize=address,undefined -fno-sanitize-recover=all
CHECKED  := out/memcheck

hunt: $(READY)  ## every fault at 20 random times, and firmware with a safety line removed: out/hunt
	-$(BIN)/python tests/hil/hunt_injections.py
	$(BIN)/python tests/hil/hunt_mutants.py

memcheck: $(READY)  ## the core's tests, every access to memory checked
	rm -rf $(CHECKED)
	mkdir -p $(CHECKED)
	cp -r core_c/nansha_core $(CHECKED)/
	rm -f $(CHECKED)/nansha_core/*.so $(CHECKED)/nansha_core/*.c
	CFLAGS="-O1 -g -ffp-contract=off $(SANITIZE)" LDFLAGS="$(SANITIZE)" \
	  $(BIN)/cythonize -q -i $(CHECKED)/nansha_core/*.pyx
	PYTHONPATH=$(CURDIR)/$(CHECKED) PYTHONMALLOC=malloc \
	  ASAN_OPTIONS=detect_leaks=0:quarantine_size_mb=8 \
	  LD_PRELOAD="$$(cc -print-file-name=libasan.so) libstdc++.so.6" \
	  $(BIN)/python -m pytest -q tests/unit/core

lint: $(READY)  ## format, rules, types and arrows
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/basedpyright
	$(BIN)/lint-imports

docs: $(READY)  ## the pages that are generated
	$(BIN)/python -m nansha.wiredoc docs/wire.md

clean:  ## everything that was made
	rm -rf $(VENV) out build core_c/nansha_core/*.c core_c/nansha_core/*.so *.egg-info
	rm -f hil/nansha_hil/plant/*.c hil/nansha_hil/plant/*.so
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
