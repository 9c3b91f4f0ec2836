# Every target makes what it needs: a virtual environment in .venv, and in it the packages of its own extra, no more.
PYTHON ?= python3
TEXT   ?= Paris is the [MASK] of France.
BIN    := .venv/bin
# The build of PyTorch that the exporter is tested with. Naming it keeps pip from taking gigabytes of CUDA libraries.
TORCH  := torch==2.13.0

.DEFAULT_GOAL := help
.PHONY: help run test test-all lint type format check embed golden clean

help: ## show this list
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

run: .venv/.base ## fill the mask of TEXT with the embedded model
	@$(BIN)/fillmask predict "$(TEXT)"

test: .venv/.dev ## run the tests, the slow ones excepted
	$(BIN)/python -m pytest -m "not slow"

test-all: .venv/.dev ## run every test
	$(BIN)/python -m pytest

lint: .venv/.dev ## check style and formatting
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

type: .venv/.dev ## check the types, strictly
	$(BIN)/mypy engine export benchmarks

format: .venv/.dev ## format the code and mend what can be mended
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

check: lint type test ## everything that CI checks

clean: ## remove the virtual environment and the caches
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache

.venv/bin/pip:
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade pip

.venv/.base: .venv/bin/pip pyproject.toml
	$(BIN)/python -m pip install --quiet --editable .
	@touch $@

.venv/.dev: .venv/.base
	$(BIN)/python -m pip install --quiet $(TORCH) --editable '.[dev]'
	@touch $@
