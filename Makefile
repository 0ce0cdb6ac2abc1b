# Everything a contributor types. Each target makes the virtual environment it needs on first use; see CONTRIBUTING.md.
# PYTHON=python3.12 chooses the interpreter, ARGS="-k import" goes to pytest, DIR=shop names the folder of the demo.

PYTHON ?= python3
DIR ?= demo-shop
ARGS ?=
UV ?= uv

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/ready-to-run
DEV_READY := $(VENV)/ready-to-develop
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
INSTALL_PROJECT := $(PIP) install --no-deps --no-build-isolation --editable .
SOURCES := src tests tools benchmarks

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test check format format-check lint types imports docs docs-check wheel-check bench test-spark soak pins clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' Makefile

demo: $(READY) ## run the main job on sample data, from CSV files to mail in a folder
	@$(BIN)/mailflow demo $(DIR) --again

# Files go to the processes whole: what the tests of a file share is made once.
test: $(DEV_READY) ## run the tests, on all cores
	$(BIN)/python -m pytest --numprocesses auto --maxprocesses 8 --dist loadfile $(ARGS)

check: format-check lint types imports docs-check test wheel-check ## everything that CI demands
	@echo "make check: all of it holds"

format: $(DEV_READY) ## format the code and mend what the linter can mend
	$(BIN)/ruff check --fix-only --quiet $(SOURCES)
	$(BIN)/ruff format $(SOURCES)

format-check: $(DEV_READY)
	$(BIN)/ruff format --check $(SOURCES)

lint: $(DEV_READY)
	$(BIN)/ruff check $(SOURCES)

types: $(DEV_READY)
	$(BIN)/mypy

imports: $(DEV_READY)
	$(BIN)/lint-imports --no-logo

docs: $(DEV_READY) ## write docs/cli.md and the generated tables
	$(BIN)/python tools/docs.py

docs-check: $(DEV_READY)
	$(BIN)/python tools/docs.py --check

wheel-check: $(DEV_READY)
	tools/wheel_check.sh $(BIN)/python

bench: $(DEV_READY) ## measure against peers; takes some minutes and wants a quiet machine
	$(BIN)/python benchmarks/run.py $(ARGS)

test-spark: $(DEV_READY) ## RFM by Spark against the database; wants Java and pip install pyspark into .venv
	$(BIN)/python -m pytest -m spark $(ARGS)

soak: $(DEV_READY) ## the long runs: many kills, many faults
	$(BIN)/python -m pytest -m soak $(ARGS)

pins: ## renew requirements*.txt from pyproject.toml (needs uv)
	tools/pins.sh $(UV)

clean: ## remove what the other targets made, except a demo's folder
	rm -rf $(VENV) build dist benchmarks/peers/node_modules tests/mailparser/node_modules .pytest_cache .mypy_cache .ruff_cache .hypothesis
	rm -rf .import_linter_cache
	find src tests tools benchmarks -name __pycache__ -prune -exec rm -rf {} +

# --- the virtual environment ------------------------------------------------------------------------------------

$(BIN)/python:
	@tools/make_venv.sh $(VENV) $(PYTHON)

$(READY): requirements.txt requirements-build.txt pyproject.toml | $(BIN)/python
	@echo "Installing what mailflow needs into $(VENV) (first time only, about a minute) ..."
	@$(PIP) install --require-hashes -r requirements.txt -r requirements-build.txt
	@$(INSTALL_PROJECT)
	@touch $@

$(DEV_READY): requirements-dev.txt pyproject.toml | $(BIN)/python
	@echo "Installing mailflow and its test tools into $(VENV) (first time only, a minute or two) ..."
	@$(PIP) install --require-hashes -r requirements-dev.txt
	@$(INSTALL_PROJECT)
	@touch $@
