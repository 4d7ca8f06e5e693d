# The whole developer interface. Every target sets up what it needs first and says so; nothing else is required
# than Python 3.11 or later and make. Continuous integration runs the same targets (.ci/run).

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help setup check test e2e bench docs dev demo lock system-packages node-packages console clean

VENV := .venv
RUN := $(VENV)/bin/python
STAMP := .make/setup

help: ## list the targets
	@sed -n 's/^\([a-z0-9-]*\):.*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | awk -F'\t' '{printf "  make %-8s %s\n", $$1, $$2}'

setup: $(STAMP) system-packages ## install everything the other targets need (.venv; Debian packages when run as root)

$(STAMP): requirements.lock pyproject.toml scripts/setup.sh
	@scripts/setup.sh

system-packages:
	@scripts/system-packages.sh

check: $(STAMP) console ## style, types, imports and the rules of the house; under a minute
	@$(RUN) scripts/check.py

node-packages:
	@scripts/node-packages.sh

console: ## build the console's pages, if they have changed (needs Node 20)
	@scripts/console.sh

test: $(STAMP) system-packages node-packages console ## every test, in stages; about twenty minutes on two cores
	@$(RUN) scripts/run_tests.py

e2e: $(STAMP) system-packages node-packages console ## the journeys only: real processes, unmodified clients
	@$(RUN) scripts/run_tests.py journeys

bench: $(STAMP) system-packages ## measure, side by side with peers, and rewrite docs/benchmarks.md
	@bench/run

docs: $(STAMP) ## write the generated reference pages and check every page's links
	@$(RUN) scripts/reference.py
	@$(RUN) tests/support/fault_matrix.py
	@$(RUN) -m pytest -q --no-header tests/architecture/test_reference.py tests/architecture/test_pages.py

dev: $(STAMP) console ## run the platform from this checkout; data in .vedette/
	@$(VENV)/bin/vedette up --data .vedette/dev

demo: $(STAMP) console ## run the platform with simulated devices and print its URL; data in .vedette/
	@$(VENV)/bin/vedette demo --data .vedette/demo

lock: $(STAMP) ## refresh requirements.lock from pyproject.toml
	@scripts/lock.sh

clean: ## remove what setup and the tools made (data in .vedette/ stays)
	@rm -rf $(VENV) .make .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
