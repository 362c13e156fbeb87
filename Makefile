# Everything runs from a virtual environment inside the tree; nothing is installed by hand.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

VENV := .venv
PYTHON := $(VENV)/bin/python
PACK := $(PYTHON) -m wazuh_pack
STAMP := $(VENV)/.ready

.PHONY: help setup demo test test-docker check lint build bundle bundle-agent bundle-ansible deb image install \
	uninstall bench mutate clean

help: ## Show the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(STAMP) ## Make the virtual environment

$(STAMP): pyproject.toml tools/setup.sh
	@bash tools/setup.sh $(VENV)
	@touch $@

demo: $(STAMP) ## Replay an attack on a pipeline and show what the pack does about it
	@$(PACK) demo

test: $(STAMP) ## Run the whole test suite
	@$(PYTHON) -m pytest

test-docker: $(STAMP) ## Prove the pack on Wazuh's own image, in containers (ARGS="--version 4.14.6")
	@$(PACK) harness $(ARGS)

check: lint ## Check style, types, drift, and that Wazuh would load everything
	@$(PACK) check

lint: $(STAMP) ## Check style and types
	@$(PYTHON) -m ruff check .
	@$(PYTHON) -m ruff format --check .
	@$(PYTHON) -m mypy

build: $(STAMP) ## Render the content into rules_xml/ and decoders/
	@$(PACK) build

bundle: $(STAMP) ## Build the single-file scripts for agents into build/bundle
	@$(PACK) bundle

bundle-agent: $(STAMP) ## Build the archive for agents, installer included, into build/bundle
	@$(PACK) bundle --agent

bundle-ansible: $(STAMP) ## Build the Ansible role, with the wheel for managers, into build/bundle
	@rm -rf build/wheel
	@$(PYTHON) -m pip wheel --disable-pip-version-check -q --no-deps -w build/wheel .
	@$(PACK) bundle --ansible --wheel build/wheel/*.whl

deb: $(STAMP) ## Build the Debian package for agents into build/bundle
	@$(PACK) bundle --deb

image: $(STAMP) ## Build what containers of a manager need into build/image
	@$(PACK) image $(ARGS)

install: $(STAMP) ## Install into the detected Wazuh home, or into DESTDIR
	@$(PACK) install $(if $(DESTDIR),--destdir "$(DESTDIR)") $(ARGS)

uninstall: $(STAMP) ## Remove what `make install` put there
	@$(PACK) uninstall $(if $(DESTDIR),--destdir "$(DESTDIR)") $(ARGS)

bench: $(STAMP) ## Measure; prints ratios against named baselines
	@$(PYTHON) tools/bench.py
	@$(PYTHON) tools/bench_engine.py --write docs/performance.md
	@$(PYTHON) tools/bench_respond.py
	@$(PYTHON) tools/bench_scan.py

mutate: $(STAMP) ## Say what MODULE of the engine can be changed without a test noticing
	@$(PYTHON) -m pip install --quiet --editable '.[mutate]'
	@nice $(PYTHON) tools/mutate.py $(MODULE)

clean: ## Remove what was built (not the virtual environment)
	@rm -rf build dist
