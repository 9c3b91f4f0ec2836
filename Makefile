# A target creates the virtual environment that it needs, and installs only the packages of its own extra.
PYTHON ?= python3
TEXT   ?= Paris is the [MASK] of France.
BIN    := .venv/bin
# optimum's exporter works with transformers 4.57, and everything else with the newest. The benchmarks run beside optimum.
OPTIMUM := .venv-optimum/bin
# The PyTorch version that the exporter is tested with. `make TORCH=…` installs another, such as a CPU build from its own index.
TORCH  ?= torch==2.13.0
# The oldest Python that the package allows, where there is one.
OLDEST_PYTHON ?= $(shell python3.10 -c 'print("python3.10")' 2>/dev/null || echo $(PYTHON))
# Trained weights for the MiniLM of the benchmarks; by default they are random: make bench CHECKPOINT=… CALIBRATION=…
MINILM := $(if $(CHECKPOINT),--checkpoint $(CHECKPOINT)) $(if $(CALIBRATION),--calibration $(CALIBRATION))

# The text reaches the command as it is: neither make nor the shell expands it.
unexport TEXT
export FILLMASK_TEXT = $(value TEXT)

.DEFAULT_GOAL := help
.PHONY: help run test test-all test-oldest test-ray test-optimum lint type format check bench-quick bench bench-compare report cloze architectures emulate reliability serve golden embed dist clean sound

help: ## print this list
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-13s %s\n", $$1, $$2}'

run: .venv/.base ## predict the mask of TEXT with the embedded model
	@$(BIN)/fillmask predict -- "$$FILLMASK_TEXT"

serve: .venv/.server ## serve the embedded model and a browser page on port 8080
	$(BIN)/fillmask serve

# A test that takes ten minutes hangs: it ends the run, and Python prints where each thread is.
test: .venv/.dev ## run the tests without the slow ones
	$(BIN)/python -m pytest -m "not slow" -o faulthandler_timeout=600 -o faulthandler_exit_on_timeout=true

test-all: .venv/.dev ## run every test, and those of test-optimum
	$(BIN)/python -m pytest
	$(MAKE) test-optimum

test-optimum: .venv-optimum/.bench ## test exports and parity beside optimum and transformers 4.57, in an environment of its own
	$(OPTIMUM)/python -m pytest -m "not slow" tests/export tests/parity tests/unit/artifact
	$(OPTIMUM)/python -m pytest tests/benchmarks/test_contenders.py

test-oldest: .venv-oldest/.test ## test the engine beside the oldest versions of its packages, in an environment of its own
	.venv-oldest/bin/python -m pytest -m "not slow" -W ignore::DeprecationWarning tests/contract tests/load tests/parity/test_golden.py \
	  tests/server tests/unit

lint: .venv/.dev ## check style and formatting
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

test-ray: .venv/.ray ## test Ray, Ray Serve, datasets, Polars and DuckDB, which are large: 10 minutes
	$(BIN)/python -m pytest tests/unit/test_arrow.py tests/unit/test_ray.py tests/unit/test_texts.py \
	  tests/unit/files/test_ray_cluster.py tests/unit/files/test_ray_parts.py

type: .venv/.dev ## check the types (mypy, strict)
	$(BIN)/mypy engine export benchmarks

format: .venv/.dev ## format the code and apply automatic fixes
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

check: lint type test ## run lint, types and tests, as CI does

bench-quick: .venv-optimum/.bench ## run short benchmarks that find faults but give no reportable figures: 3 minutes
	set -e; for suite in accuracy latency overhead startup; do \
	  $(OPTIMUM)/python -m benchmarks $$suite --profile quick $(MINILM); done

bench: .venv-optimum/.bench ## run all suites but score, server and batch into benchmarks/results, on an idle machine: 1 hour
	set -e; for suite in accuracy latency throughput startup memory size overhead roofline; do \
	  $(OPTIMUM)/python -m benchmarks $$suite $(MINILM); done
	set -e; for model in bert-base xlmr-base antiberty; do for suite in accuracy latency throughput; do \
	  $(OPTIMUM)/python -m benchmarks $$suite --model $$model; done; done
	$(MAKE) report

bench-compare: .venv/.dev ## time this tree beside another commit: BASE=commit, ONLY="calls many start server", MODEL=folder
	$(if $(BASE),,$(error bench-compare needs BASE=commit))
	$(BIN)/python -m benchmarks compare $(BASE) $(addprefix --only ,$(ONLY)) $(addprefix --model ,$(MODEL))

report: .venv/.dev ## write RESULTS.md, its plots and tables of other pages from benchmarks/results
	$(BIN)/python -m benchmarks.report

cloze: .venv/.dev ## measure the embedded model's English and write its card
	$(BIN)/python -m benchmarks cloze --card engine/fillmask/models/minilm-en/README.md

architectures: .venv/.dev .venv-optimum/.test ## export every architecture with each tracer and write docs/architectures.md
	for bin in $(BIN) $(OPTIMUM); do \
	  $$bin/python -m pytest tests/export/test_architectures.py --junitxml=build/architectures.xml; \
	  $$bin/python -m tests.export.architectures_page build/architectures.xml || exit; done

emulate: .venv/.dev ## run the embedded model on CPUs that qemu emulates
	$(BIN)/python -m tests.emulation

reliability: .venv/.dev ## test the server under load and faults, write docs/reliability.md and the record of the suite server: 1 hour
	$(BIN)/python -m benchmarks server
	$(BIN)/python -m tests.reliability.scorecard

golden: .venv-optimum/.test ## regenerate the golden results with transformers 4.57, which has an answer to each call
	$(OPTIMUM)/python -m tests.golden.make

embed: .venv/.dev ## rebuild the embedded model: CHECKPOINT=folder CALIBRATION=file TEXTS=file
	$(if $(and $(CHECKPOINT),$(CALIBRATION),$(TEXTS)),,$(error embed needs CHECKPOINT=, CALIBRATION= and TEXTS=))
	rm -rf build/minilm-en
	$(BIN)/fillmask export $(CHECKPOINT) build/minilm-en --variant int8 --calibration $(CALIBRATION) --texts $(TEXTS)
	rm -rf engine/fillmask/models/minilm-en && mv build/minilm-en engine/fillmask/models/

dist: .venv/.base ## build the wheel and the sdist in dist/, install the wheel in an empty environment and run it there
	$(BIN)/python -m pip install --quiet build
	rm -rf dist build/empty
	$(BIN)/python -m build --outdir dist
	$(BIN)/python -m venv build/empty
	build/empty/bin/python -m pip install --quiet dist/*.whl
	cd build/empty && bin/fillmask verify && bin/fillmask predict -k 1 "She drank a cup of [MASK]."

clean: ## remove the virtual environments and the caches
	rm -rf dist .venv .venv-oldest .venv-optimum .mypy_cache .ruff_cache .pytest_cache .hypothesis build

.venv/bin/pip: | sound
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10) and sys.executable + " is Python " + sys.version.split()[0] + ", fillmask needs 3.10 or newer; name one: make run PYTHON=python3.12")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade pip

# A .venv stays when its folder moves or another PYTHON is named, but it is not the one that was asked for.
sound:
	@test ! -e .venv || { $(BIN)/python -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null \
	  && test -x "$$(sed -n '1s/^#!//p' $(BIN)/pip)" \
	  && { test "$(origin PYTHON)" != "command line" || test "$$($(PYTHON) -V)" = "$$($(BIN)/python -V)"; }; } \
	  || { echo ".venv has another Python than is needed, or its folder has moved: run make clean, then this again" >&2; exit 1; }

.venv/.base: .venv/bin/pip pyproject.toml | sound
	$(BIN)/python -m pip install --quiet --editable .
	@touch $@

.venv/.server: .venv/.base
	$(BIN)/python -m pip install --quiet --editable '.[server]'
	@touch $@

.venv/.dev: .venv/.base
	$(BIN)/python -m pip install --quiet $(TORCH) --editable '.[dev]'
	@touch $@

.venv/.ray: .venv/.dev
	$(BIN)/python -m pip install --quiet --editable '.[arrow-peers]'
	@touch $@

.venv-optimum/.test: pyproject.toml
	$(PYTHON) -m venv .venv-optimum
	$(OPTIMUM)/python -m pip install --quiet $(TORCH) --editable '.[optimum,test]'
	@touch $@

.venv-oldest/.test: pyproject.toml
	$(OLDEST_PYTHON) -m venv .venv-oldest
	.venv-oldest/bin/python -m pip install --quiet uv
	.venv-oldest/bin/uv pip install --quiet --python .venv-oldest/bin/python --resolution lowest-direct --editable '.[test-engine]'
	@touch $@

.venv-optimum/.bench: .venv-optimum/.test
	$(OPTIMUM)/python -m pip install --quiet --editable '.[bench]'
	@touch $@
