# `make run` and `make test` are all that a fresh machine needs; CI calls the same targets.
PYTHON ?= python3
PRESET ?= quick
REF ?= main
ROUNDS ?= 6
VARIANTS ?= --all
OPTIONS ?=
KEPT ?= build/history
JSON ?= build/history.json
BIN := .venv/bin

.PHONY: run run-docker example against nightly history keep issues upgrade test test-fast lint format lock bench clean help

help:  ## Show the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

run: .venv/run.stamp  ## Measure every variant quickly and write the report
	$(BIN)/python -m harness run --all --preset $(PRESET)

run-docker: .venv/run.stamp  ## Measure every variant quickly, each in a container
	$(BIN)/python -m harness run --all --preset $(PRESET) --launcher docker

example: .venv/run.stamp  ## Write the report of the campaign in results/example; no server is needed
	$(BIN)/python -m harness report example

against: .venv/run.stamp  ## Measure this revision beside REF=main; VARIANTS='fastapi flask-gunicorn' for some
	$(BIN)/python -m harness run $(VARIANTS) --preset $(PRESET) --rounds $(ROUNDS) --against $(REF) $(OPTIONS)

nightly: PRESET = nightly
nightly: .venv/run.stamp  ## Measure thoroughly, then show what changed since earlier nights
	$(BIN)/python -m harness run $(VARIANTS) --preset $(PRESET) $(OPTIONS); code=$$?; \
	  test $$code -le 1 && $(MAKE) history && exit $$code

history: .venv/run.stamp  ## Show what changed over all stored campaigns, and the summaries in KEPT
	mkdir -p $(KEPT) $(dir $(JSON))
	$(BIN)/python -m harness history --keep $(KEPT) --json > $(JSON)
	$(BIN)/python -m harness history --keep $(KEPT) --format markdown

upgrade: .venv/run.stamp  ## Measure each framework's newest release beside the locked one; SERVERS='fastapi mosec' for some
	$(BIN)/python scripts/upgrade.py $(SERVERS) --rounds $(ROUNDS) --preset $(PRESET) $(OPTIONS)

keep: .venv/run.stamp  ## Push and fetch summaries of all stored campaigns: branch `history` of origin
	$(BIN)/python scripts/keep_history.py fetch $(KEPT)
	$(BIN)/python -m harness history --keep $(KEPT) > /dev/null
	$(BIN)/python scripts/keep_history.py push $(KEPT)

issues: .venv/run.stamp  ## Open an issue for what changed, close those whose change is gone (needs gh)
	$(BIN)/python scripts/change_issues.py $(JSON) $(OPTIONS)

# Three at a time on two CPUs: most of what is slow waits, for a server or for a window to end.
test: test-fast  ## Run every test, including real servers and the browser
	scripts/install-test-tools
	scripts/with-engine $(BIN)/python -m pytest -m "slow and not cluster" -n 3 --dist loadfile
	scripts/with-engine scripts/with-cluster $(BIN)/python -m pytest -m cluster -n 2 --dist loadfile

test-fast: .venv/dev.stamp  ## Run the tests that need no server, load or browser
	$(BIN)/python -m pytest -m "not slow and not cluster" -n 2 --dist loadfile

lint: .venv/dev.stamp  ## Run the checks of CI that precede the tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: .venv/dev.stamp  ## Format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lock: .venv/dev.stamp  ## Renew all lock files
	$(BIN)/python scripts/lock.py

bench: .venv/dev.stamp  ## Compare the load driver with its peers; store and report a million requests
	$(BIN)/python scripts/bench_driver.py
	$(BIN)/python scripts/bench_million.py
	$(BIN)/python scripts/bench_peers.py

clean:  ## Remove the virtual environment and the caches
	-test -x $(BIN)/python && $(BIN)/python -m harness clean
	rm -rf .venv

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or later is needed; name one with: make PYTHON=python3.12 ..."; exit 1; }
	@$(PYTHON) -m venv .venv >/dev/null 2>&1 || { \
	  $(PYTHON) -m venv --clear --without-pip .venv && \
	  $(PYTHON) -m pip --python .venv/bin/python install --quiet pip; } || { \
	  rm -rf .venv; \
	  echo "Python can't make virtual environments here; on Debian: apt-get install python3-venv"; \
	  exit 1; }

.venv/run.stamp: .venv/bin/python requirements.txt pyproject.toml
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements.txt
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

.venv/dev.stamp: .venv/run.stamp requirements-dev.txt
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements-dev.txt
	@touch $@
