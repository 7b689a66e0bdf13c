# picluster: make demo, make test; everything they need is set up first.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON ?= python3
BENCH ?=
VENV := .venv
BIN := $(VENV)/bin
SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo)
# Name of the twin's head that tests share: two that run at once need two.
HEAD := test
PYTEST = $(SUDO) env PICLUSTER_REQUIRE_SYSTEM=1 PICLUSTER_TEST_HEAD=$(HEAD) \
  PATH="$$PATH" $(BIN)/python -m pytest --durations=20
export PATH := $(CURDIR)/$(BIN):/usr/sbin:/sbin:$(PATH)

.PHONY: help setup demo test test-heads test-parts test-boots test-long lint bench docs clean

help: ## list the targets
	@sed -nE 's/^([a-z-]+):.*## (.*)/\1\t\2/p' $(MAKEFILE_LIST) | expand -t 10

setup: build/setup/packages build/setup/python build/setup/daemons ## install what is needed, once

build/setup/packages: .config/debian-packages
	@mkdir -p $(@D)
	@missing=$$(for p in $$(grep -v '^#' $<); do \
	  dpkg-query -W -f='$${db:Status-Abbrev}' $$p 2>/dev/null | grep -q '^ii' || echo $$p; done); \
	if [ -n "$$missing" ]; then \
	  echo "Installing $$missing"; \
	  $(SUDO) apt-get -qq update; \
	  $(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get -qq install --no-install-recommends -y \
	    $$missing >build/setup/apt.log || { tail -n 20 build/setup/apt.log; exit 1; }; \
	fi
	@touch $@

build/setup/python: pyproject.toml constraints.txt | build/setup/packages
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "picluster needs Python 3.11 or later; set PYTHON=")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing the Python packages into $(VENV)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check \
	  --constraint constraints.txt --editable '.[control,dev,fuzz]'
	@mkdir -p $(@D) && touch $@

# Real daemons for tests, unpacked and not installed: none of them must ever start by itself.
build/setup/daemons: .config/daemon-packages | build/setup/packages
	@mkdir -p $(@D) build/daemons/packages
	@names=$$(grep -v '^#' $<); \
	  echo "Unpacking" $$names; \
	  cd build/daemons/packages && { apt-get -qq download $$names 2>/dev/null \
	  || { $(SUDO) apt-get -qq update; apt-get -qq download $$names; }; }
	@for deb in build/daemons/packages/*.deb; do dpkg-deb -x $$deb build/daemons; done
	@touch $@

demo: setup ## harvest, configure a head, boot 84 boards with faults, hold it to the truth
	@$(SUDO) $(BIN)/python -m twin.demo

test: setup lint ## every test but test-long
	@$(MAKE) --no-print-directory --jobs=2 test-heads test-parts
	@$(BIN)/python tests/fuzz/fuzz_formats.py -max_total_time=60

# Two at a time: heads and racks; the rest, molecule, real kernels and jobs.
test-heads:
	@$(PYTEST) -m 'not boots and not jobs and not long' tests/system

# Into files: what they print would fall between the other's lines.
test-parts:
	@mkdir -p build
	@$(PYTEST) tests/unit tests/plugins tests/playbooks >build/parts.log 2>&1 \
	  || { cat build/parts.log; exit 1; }
	@echo "$$(tail -n 1 build/parts.log) in tests/unit, tests/plugins, tests/playbooks, see build/parts.log"
	@$(SUDO) env PATH="$$PATH" $(BIN)/molecule test --all >build/molecule.log 2>&1 \
	  || { cat build/molecule.log; exit 1; }
	@echo "molecule: every scenario passed, see build/molecule.log"
	@$(MAKE) --no-print-directory test-boots MARKS='boots or jobs' >build/boots.log 2>&1 \
	  || { cat build/boots.log; exit 1; }
	@echo "$$(tail -n 1 build/boots.log) with real kernels and with jobs, see build/boots.log"

test-boots: HEAD := boots
test-boots: MARKS := boots
test-boots: setup ## whole images and real kernels in QEMU
	@$(PYTEST) -m '($(MARKS)) and not long' tests/system

test-long: setup ## a head in QEMU with a kernel of its own, and more that takes long; not part of test
	@$(PYTEST) -m long tests/system

lint: setup ## style, types, Ansible rules
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/yamllint --strict .
	@$(BIN)/ansible-lint --offline

bench: setup ## every figure, or BENCH=<name>
	@$(SUDO) env PATH="$$PATH" $(BIN)/python -m tests.bench $(BENCH)

docs: setup ## write docs/reference from the schema, the roles and the plugins
	@$(BIN)/python docs/make.py

clean: ## remove what was built
	@if [ -x $(BIN)/python ]; then $(SUDO) $(BIN)/python -m twin.head clean || true; fi
	@$(SUDO) rm -rf build $(VENV) .ansible .mypy_cache .pytest_cache .ruff_cache .hypothesis
