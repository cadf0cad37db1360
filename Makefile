# Everything a newcomer needs: `make demo` and `make test`. Only Python 3.11+, pip and make are assumed.
PYTHON ?= python3
BIN := .venv/bin
SHELL := /bin/bash
# Four files at a time, on two cores: whole systems wait a lot and come first, so that the many short tests fill up the
# end. Each of the four has a Kafka and a Valkey of its own.
TESTS := $(BIN)/pytest --numprocesses=4 --dist=loadfile --no-loadscope-reorder --durations=10
# Schemathesis is of no use here, and takes a second to load.
UNITS := $(BIN)/pytest --numprocesses=2 --dist=worksteal -p no:schemathesis

.DEFAULT_GOAL := help
.PHONY: help setup setup-dev demo up check quick test test-all bench lock clean

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

setup: .venv/.runtime ## .venv with the command .venv/bin/ithaca

setup-dev: .venv/.dev ## the same with the tools that tests need

.venv/.runtime: requirements.lock pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@echo "installing the pinned dependencies into .venv ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps --editable .
	@touch $@

.venv/.dev: .venv/.runtime requirements-dev.lock clients/python/pyproject.toml
	@echo "installing the pinned test tools into .venv ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps --editable clients/python
	@touch $@

demo: setup ## start everything, send codes, enter them, break a carrier, print what happened
	@$(BIN)/ithaca demo

up: setup ## the same system until Ctrl-C; data stay in .ithaca
	@$(BIN)/ithaca up

check: setup-dev ## lint and types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

quick: setup-dev ## lint, types and the tests that start no process, under a minute
	@mkdir -p .cache
	@$(MAKE) --no-print-directory check > .cache/check.txt 2>&1 & checking=$$!; \
	$(UNITS) -m "not processes and not slow" --hypothesis-profile=quick; tested=$$?; \
	wait $$checking; checked=$$?; cat .cache/check.txt; exit $$((tested || checked))

test: check ## lint, types and tests on real Kafka and real Valkey
	$(TESTS) -m "not slow" --hypothesis-profile=repeatable

test-all: check ## the same, with the long fault runs
	$(TESTS)

bench: setup-dev ## the figures of docs/reference/figures.md
	$(BIN)/ithaca bench all

lock: setup-dev ## pin every dependency anew, with hashes
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile pyproject.toml --extra embedded --group pyproject.toml:build --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header -o requirements.lock
	$(BIN)/uv pip compile pyproject.toml --extra embedded --extra plots --group pyproject.toml:build --group pyproject.toml:dev --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header -o requirements-dev.lock
	$(BIN)/uv pip compile pyproject.toml --group pyproject.toml:build --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate --constraint requirements.lock -o compose/requirements.lock

clean: ## remove everything that was made here
	rm -rf .venv .cache .ithaca build
