# Two commands on a fresh machine: `make demo` and `make test`. Both build .venv first.
# Needs Python 3.11 or newer and package indexes that pip (and npm, which comes from PyPI) reach.

SHELL := /bin/sh
.DEFAULT_GOAL := help

# The first Python on the path that is new enough.
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
VENV := .venv
BIN := $(VENV)/bin
SETUP := $(VENV)/.setup-done
ASSETS := $(VENV)/.assets-done
PACKAGES := domain gateway ocpp_server rules ticketing app simulator
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# What pip and npm cache is shared between checkouts; nothing asks for an answer.
export PIP_NO_INPUT := 1

.PHONY: help setup assets demo test check bench soak chaos fuzz docs clean lock

help:
	@echo "make setup   build .venv with everything in it"
	@echo "make demo    run the service with a simulated fleet (DEMO_ARGS='--sites 50')"
	@echo "make test    run all tests (TEST_ARGS='tests/rules -k danger')"
	@echo "make check   format, lint, types, imports and the fast tests"
	@echo "make bench   measure (see docs/explanation/performance.md)"
	@echo "make soak    a simulated day of 3,000 stations (SOAK_ARGS='--hours 2 --stations 200')"
	@echo "make chaos   seeds of a fleet that suffers, checked from outside (CHAOS_ARGS='--seeds 500')"
	@echo "make fuzz    attack the endpoint for minutes (FUZZ_ARGS='--minutes 5 --seed 7')"
	@echo "make mutants break the life of faults in 2,560 ways; the tests have to notice (20 minutes)"
	@echo "make docs    write the generated pages of docs/reference anew"
	@echo "make lock    resolve the dependencies anew into requirements/*.txt"
	@echo "make clean   remove everything that was built; data/ stays"

setup: $(SETUP) $(ASSETS)

$(SETUP): requirements/dev.txt pyproject.toml
	@test -n "$(PYTHON)" || { echo "needs Python 3.11 or newer as python3" >&2; exit 1; }
	@echo "setting up $(VENV) with $$($(PYTHON) --version)"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements/dev.txt
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e .
	@touch $@

# The pages work without these files, so a machine without npm is no reason to stop.
$(ASSETS): $(SETUP) package-lock.json app/web/assets.py
	@$(BIN)/python -m app.web.assets && touch $@ || true

assets: $(ASSETS)

demo: setup
	@$(BIN)/foretell demo $(DEMO_ARGS)

test: setup
	$(BIN)/pytest -rs $(TEST_ARGS)

check: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest -m "not e2e and not thorough" $(TEST_ARGS)

bench: setup
	$(BIN)/python -m bench $(BENCH_ARGS)

soak: setup
	$(BIN)/python -m tests.simulation.soak $(SOAK_ARGS)

chaos: setup
	$(BIN)/python -m tests.simulation.chaos $(CHAOS_ARGS)

fuzz: setup
	$(BIN)/python -m tests.fuzz $(FUZZ_ARGS)

mutants: setup
	$(BIN)/mutmut run $(MUTANTS_ARGS)
	$(BIN)/mutmut export-cicd-stats
	$(BIN)/python -m tests.mutants

docs: setup
	$(BIN)/python -m app.reference docs

lock: $(SETUP)
	$(BIN)/python -m pip install --quiet uv
	cd requirements && ../$(BIN)/uv pip compile --quiet --universal --python-version 3.11 \
		--generate-hashes --no-emit-index-url --no-emit-find-links --no-header \
		../pyproject.toml -o base.txt
	cd requirements && ../$(BIN)/uv pip compile --quiet --universal --python-version 3.11 \
		--generate-hashes --no-emit-index-url --no-emit-find-links --no-header \
		--constraint base.txt --extra dev ../pyproject.toml -o dev.txt

clean:
	rm -rf $(VENV) node_modules app/web/static/vendor dist *.egg-info
	rm -rf mutants .mypy_cache .ruff_cache .import_linter_cache .pytest_cache .hypothesis
	find $(PACKAGES) tests bench -name __pycache__ -type d -exec rm -rf {} +
