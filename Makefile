# Everything a newcomer needs: `make demo` and `make test`. Only Python 3.11+, pip and make are assumed.
PYTHON ?= python3
BIN := .venv/bin
SHELL := /bin/bash
# Files of tests at a time: whole systems wait a lot and come first, so that the many short tests fill up the end. Each
# has a Kafka and a Valkey of its own, and may have a system of three brokers.
FILES ?= 2
TESTS := $(BIN)/pytest --numprocesses=$(FILES) --dist=loadfile --no-loadscope-reorder --durations=10
# Without xdist, which takes longer to tell of a short test than most take; Schemathesis takes a second to load.
UNITS := $(BIN)/pytest --quiet -p no:schemathesis -p no:cacheprovider -m "not processes and not slow" \
	--hypothesis-profile=quick
# Side by side; where this make can, what each says stays in one piece.
TOGETHER := --jobs --keep-going $(if $(filter output-sync,$(.FEATURES)),--output-sync)
# The processes of a system would compile the same files again, hundreds of times.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup setup-dev demo up check quick quick-providers quick-pipeline quick-others test test-all bench lock clean

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

check: setup-dev ## lint and types; all three say what they find
	@failed=0; for tool in "ruff format --check ." "ruff check ." mypy; do $(BIN)/$$tool || failed=1; done; exit $$failed

quick: setup-dev ## lint, types and the tests that start no process: under a minute
	@$(MAKE) --no-print-directory $(TOGETHER) quick-providers quick-pipeline quick-others check

quick-providers:
	@$(UNITS) tests/providers

quick-pipeline:
	@$(UNITS) tests/pipeline

quick-others:
	@$(UNITS) --ignore=tests/providers --ignore=tests/pipeline

test: check ## lint, types and tests on real Kafka and real Valkey: about 12 minutes on two cores
	$(TESTS) -m "not slow"

test-all: check ## the same, with the long fault runs and other examples each time: half an hour
	$(TESTS) --hypothesis-profile=searching

bench: setup-dev ## the figures of docs/reference/figures.md
	$(BIN)/ithaca bench all

lock: setup-dev ## pin every dependency anew, with hashes
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile pyproject.toml --extra embedded --group pyproject.toml:build --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header -o requirements.lock
	$(BIN)/uv pip compile pyproject.toml --extra embedded --extra plots --group pyproject.toml:build --group pyproject.toml:dev --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header -o requirements-dev.lock
	$(BIN)/uv pip compile pyproject.toml --group pyproject.toml:build --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate --constraint requirements.lock -o compose/requirements.lock

clean: ## remove everything that was made here
	rm -rf .venv .cache .ithaca build
