# `make audit` and `make test` need nothing but Python 3.11 or newer and make. `make help` lists the rest.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
.DEFAULT_GOAL := help

define SHUFFLED
seed=$${SEED:-$$(od -An -N4 -tu4 /dev/urandom | tr -d ' ')}; \
echo "shuffled; make $@ SEED=$$seed repeats this order"; \
$(BIN)/python -m pytest -q -n 2 -p randomly --randomly-seed=$$seed
endef

.PHONY: help audit test proof thorough matrix scoreboard samples bench lock clean

help: ## list the targets
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

audit: $(VENV)/audit.stamp ## audit the embedded ECU of the article, and write a report under reports/
	@$(BIN)/uds-harness audit --exit-zero

test: $(VENV)/test.stamp ## run everything: lint, types, tests
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	@echo "types are checked beside the tests; what is wrong with them is shown last"
	@$(BIN)/mypy >$(VENV)/types.txt 2>&1 & types=$$!; trap "kill $$types 2>/dev/null; exit 130" INT TERM; \
	$(BIN)/python -m pytest -q -n 2; tests=$$?; \
	wait $$types; types=$$?; [ $$types = 0 ] || cat $(VENV)/types.txt; exit $$(( tests ? tests : types ))

proof: $(VENV)/test.stamp ## each flaw and variant at its own depth, in random order; SEED=N repeats an order
	@$(SHUFFLED) -m "thorough and not socketcan" tests/matrix

thorough: $(VENV)/test.stamp ## all tests in random order, the larger samples too (much longer); SEED=N repeats an order
	@$(SHUFFLED) -m "not socketcan" --hypothesis-profile=thorough

matrix: $(VENV)/test.stamp ## audit every defect and every variant anew, and write reports/sample/matrix.*
	$(BIN)/python -m tests.matrix

scoreboard: $(VENV)/test.stamp ## audit ECUs that were written without sight of the checks, and write docs/scoreboard.md
	$(BIN)/python -m tests.unseen

samples: $(VENV)/test.stamp ## audit the article's and the hardened ECU, and write reports/sample/article and hardened
	$(BIN)/python -m tests.samples

bench: $(VENV)/bench.stamp ## measure the budgets, beside the peers
	$(BIN)/python -m benchmarks.bench

lock: $(VENV)/test.stamp ## resolve the dependencies anew
	$(BIN)/pip install --quiet 'uv>=0.13,<0.14'
	for group in audit test bench; do \
	    groups=$$( [ $$group = audit ] || echo --group $$group ); \
	    $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --upgrade \
	        --no-emit-index-url $$groups pyproject.toml requirements/build.in -o requirements/$$group.lock; \
	done

clean: ## remove the environment and what tools left behind
	rm -rf $(VENV) build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	    { echo "uds-harness needs Python 3.11 or newer; name one: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
	    { echo "this Python cannot make environments; install the package for it: sudo apt install python3-venv" >&2; exit 1; }
	@echo "step 1 of 4: creating the environment in $(VENV)"
	@$(PYTHON) -m venv $(VENV)

$(VENV)/%.stamp: requirements/%.lock pyproject.toml | $(VENV)/bin/python
	@$(BIN)/python requirements/install.py $*
	@touch $@
