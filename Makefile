# Every target makes what it needs: a virtual environment in .venv, and in it the packages of its own extra, no more.
PYTHON ?= python3
TEXT   ?= Paris is the [MASK] of France.
BIN    := .venv/bin
# The PyTorch that the exporter is tested with; `make TORCH=…` takes another, such as a CPU build from its own index.
TORCH  ?= torch==2.13.0
# Trained weights for the MiniLM of the benchmarks, which are otherwise random: make bench CHECKPOINT=… CALIBRATION=…
MINILM := $(if $(CHECKPOINT),--checkpoint $(CHECKPOINT)) $(if $(CALIBRATION),--calibration $(CALIBRATION))

.DEFAULT_GOAL := help
.PHONY: help run test test-all lint type format check bench-quick bench report cloze architectures schemes emulate reliability serve golden embed clean

help: ## show this list
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-13s %s\n", $$1, $$2}'

run: .venv/.base ## fill the mask of TEXT with the embedded model
	@$(BIN)/fillmask predict "$(TEXT)"

serve: .venv/.server ## serve the embedded model on port 8080, with a page to try it on
	$(BIN)/fillmask serve

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

bench-quick: .venv/.bench ## three minutes of benchmarks, which find faults and no figures
	set -e; for suite in accuracy latency overhead startup; do \
	  $(BIN)/python -m benchmarks $$suite --profile quick $(MINILM); done

bench: .venv/.bench ## every benchmark, on a machine that does nothing else, into benchmarks/results: an hour
	set -e; for suite in accuracy latency throughput threads startup memory size overhead roofline; do \
	  $(BIN)/python -m benchmarks $$suite $(MINILM); done
	set -e; for model in bert-base xlmr-base antiberty; do for suite in accuracy latency throughput; do \
	  $(BIN)/python -m benchmarks $$suite --model $$model; done; done
	$(MAKE) report

report: .venv/.dev ## RESULTS.md, its plots and the README's table, from benchmarks/results
	$(BIN)/python -m benchmarks.report

cloze: .venv/.dev ## what the embedded model knows of English, into its card
	$(BIN)/python -m benchmarks cloze --card engine/fillmask/models/minilm-en/README.md

architectures: .venv/.dev ## export every architecture again, into docs/architectures.md
	-$(BIN)/python -m pytest tests/export/test_architectures.py --junitxml=build/architectures.xml
	$(BIN)/python -m tests.export.architectures_page build/architectures.xml

schemes: .venv/.dev ## compare int8 schemes: CHECKPOINT=folder CALIBRATION=file TEXTS=file
	$(if $(and $(CHECKPOINT),$(CALIBRATION),$(TEXTS)),,$(error schemes needs CHECKPOINT=, CALIBRATION= and TEXTS=))
	$(BIN)/python -m benchmarks.research.schemes --checkpoint $(CHECKPOINT) --calibration $(CALIBRATION) --texts $(TEXTS)

emulate: .venv/.dev ## run the embedded model on CPUs that qemu emulates
	$(BIN)/python -m tests.emulation

reliability: .venv/.dev ## put the server under load and faults, into docs/reliability.md: 35 minutes
	$(BIN)/python -m benchmarks server
	$(BIN)/python -m tests.reliability.scorecard

golden: .venv/.dev ## ask transformers for the golden answers again
	$(BIN)/python -m tests.golden.make

embed: .venv/.dev ## remake the embedded model: CHECKPOINT=folder CALIBRATION=file TEXTS=file
	$(if $(and $(CHECKPOINT),$(CALIBRATION),$(TEXTS)),,$(error embed needs CHECKPOINT=, CALIBRATION= and TEXTS=))
	rm -rf build/minilm-en
	$(BIN)/fillmask export $(CHECKPOINT) build/minilm-en --variant int8 --calibration $(CALIBRATION) --texts $(TEXTS)
	rm -rf engine/fillmask/models/minilm-en && mv build/minilm-en engine/fillmask/models/

clean: ## remove the virtual environment and the caches
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis build

.venv/bin/pip:
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade pip

.venv/.base: .venv/bin/pip pyproject.toml
	$(BIN)/python -m pip install --quiet --editable .
	@touch $@

.venv/.server: .venv/.base
	$(BIN)/python -m pip install --quiet --editable '.[server]'
	@touch $@

.venv/.dev: .venv/.base
	$(BIN)/python -m pip install --quiet $(TORCH) --editable '.[dev]'
	@touch $@

.venv/.bench: .venv/.dev
	$(BIN)/python -m pip install --quiet --editable '.[bench]'
	@touch $@
