# Ilk: `make demo` and `make test` are all a newcomer needs; `make help` lists the rest.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
EXTRAS := cpu,offline,neo4j,baselines,demo,tune,finetune,tensorboard,dev
DEMO_ARGS ?=
export OMP_NUM_THREADS ?= 1

.DEFAULT_GOAL := help
.PHONY: help install demo test test-slow gpu-check lint format bench neo4j neo4j-stop clean

help: ## list the targets
	@grep -E '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

install: $(VENV)/.installed ## create .venv and install Ilk into it (about 3 minutes, 6 GB: torch is the CUDA build)

$(VENV)/.installed: pyproject.toml constraints.txt
	@test -x $(BIN)/python || { echo "creating $(VENV) ..."; $(PYTHON) -m venv $(VENV); }
	@echo "installing Ilk and its packages into $(VENV) (the first time takes some minutes) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[$(EXTRAS)]'
	@touch $@

demo: install ## from a shop's files to similar items, served: the main job, end to end
	@OMP_NUM_THREADS=$$(nproc 2>/dev/null || echo 2) $(BIN)/ilk demo $(DEMO_ARGS)

test: install ## the default tests (under 15 minutes); starts a Neo4j for its own tests where Java and Maven are
	@$(BIN)/python -m pytest -m "not slow and not neo4j" $(PYTEST_ARGS)
	@deploy/neo4j/run-tests "neo4j and not slow"

test-slow: install ## the long tests: crash tests, reference figures, whole runs on real data
	@$(BIN)/python -m pytest -m "slow and not neo4j" $(PYTEST_ARGS)
	@deploy/neo4j/run-tests "neo4j and slow"

gpu-check: install ## on a GPU: encoding, training, incremental training and the FAISS index against the CPU's results
	@$(BIN)/python -c 'import sys, torch; sys.exit(None if torch.cuda.is_available() else "gpu-check: torch sees no CUDA device here, so nothing was checked")'
	@$(BIN)/python -m pytest -m gpu $(PYTEST_ARGS)

neo4j: install ## start a real Neo4j in the background on free loopback ports; writes .neo4j/env
	@$(BIN)/python deploy/neo4j/server.py start $(NEO4J_ARGS)

neo4j-stop: ## end it
	@$(PYTHON) deploy/neo4j/server.py stop

lint: install ## ruff, mypy --strict, import-linter
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: install ## let ruff format and mend what it can
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

bench: install ## every benchmark, each printing machine, commit, medians and ratios
	@set -e; for script in benchmarks/[!_]*.py; do name=$$(basename $$script .py); test $$name = measurement || { echo "== $$name"; $(BIN)/python -m benchmarks.$$name; }; done

clean: ## remove caches (never .venv, .ilk or .neo4j)
	@rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache dist
	@find . -name __pycache__ -not -path './$(VENV)/*' -prune -exec rm -rf {} +
