# Everything starts from Python >= 3.11 and make: `make demo` and `make test` set up what they need.
# PYTHON=/path/to/python chooses the interpreter; HONE_HOME=/path chooses where base models and results are kept.

VENV := .venv
BIN := $(VENV)/bin
PYTHON ?=
export PYTHON
# A fifth of what the tests do is waiting for processes that they have started: more workers than the two cores of a small machine.
TEST_WORKERS ?= 3
# Compiled once, and not anew by each of the hundreds of commands and workers that tests start.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup setup-dev demo test test-slow test-long test-night check format bench lock sbom clean

help:  ## Show the targets
	@awk -F ':.*##' '/^[a-z-]+:.*##/ { printf "  make %-10s %s\n", $$1, $$2 }' Makefile

$(BIN)/python:
	@sh scripts/venv.sh $(VENV)

setup: $(BIN)/python  ## Create .venv, install the locked dependencies, fetch the base model
	@$(BIN)/python scripts/setup.py

setup-dev: $(BIN)/python  ## The same with the tools for tests and checks
	@$(BIN)/python scripts/setup.py --dev

demo: setup  ## Run the whole job on the bundled IoT project
	@$(BIN)/hone demo

# A file stays in one worker, for the sake of the servers that its tests share; the acceptance tests, which take longest, come first.
test: setup-dev  ## Run the fast tests
	@$(BIN)/python -m pytest -m "not slow and not long and not night" -n $(TEST_WORKERS) --dist loadfile --no-loadscope-reorder

test-slow: setup-dev  ## Run the tests that take longer
	@$(BIN)/python -m pytest -m slow

# Goes on with the parts that have not passed yet; AGAIN=1 starts anew. See tests/long.py.
test-long: setup-dev  ## Run the tests that take many minutes, or go on with them
	@$(if $(AGAIN),rm -f .pytest-long.json)
	@$(BIN)/python -m pytest -p tests.long -m long -n $(TEST_WORKERS) --maxschedchunk 1 -s -q

test-night: setup-dev  ## Run the tests that take hours
	@$(BIN)/python -m pytest -m night

check: setup-dev  ## Formatting, lint, types, import direction
	$(BIN)/ruff format --check src tests scripts
	$(BIN)/ruff check src tests scripts
	$(BIN)/mypy
	$(BIN)/lint-imports

format: setup-dev  ## Format the code and mend what lint can mend
	$(BIN)/ruff check --fix src tests scripts
	$(BIN)/ruff format src tests scripts

bench: setup-dev  ## Run the benchmarks one after the other
	@found=0; for file in benchmarks/*.py; do \
	  case "$$file" in *'*'*|*/_*) continue;; esac; \
	  found=1; echo "== $$file"; $(BIN)/python "$$file" || exit 1; \
	done; test $$found = 1 || { echo "there are no benchmarks here"; exit 1; }

LOCK := uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	--no-annotate --no-header --no-emit-package torch --constraint requirements/torch.txt --group build --quiet

lock:  ## Write requirements/*.lock anew (needs uv; add UPGRADE=--upgrade for newer versions)
	$(LOCK) $(UPGRADE) --output-file requirements/runtime.lock
	sed 's/ *\\$$//; /^ *--hash/d' requirements/runtime.lock > requirements/runtime.pins
	$(LOCK) $(UPGRADE) --group dev --constraint requirements/runtime.pins --output-file requirements/dev.lock
	rm requirements/runtime.pins

sbom: setup-dev  ## Write build/sbom.cdx.json: what a default installation consists of
	@$(BIN)/python scripts/sbom.py

clean:  ## Remove .venv and what the tools left; your models and results in HONE_HOME stay
	rm -rf $(VENV) build dist .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	find src tests scripts -name __pycache__ -type d -prune -exec rm -rf {} +
