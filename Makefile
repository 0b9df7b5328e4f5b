# Both commands work on a fresh machine: they install what they need, system packages included.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin

.PHONY: demo test check test-statistical test-slow test-otel-collector fuzz bench-drift-peers wheel system-packages clean

demo: $(VENV)/installed
	$(BIN)/watchkeeper demo

# Each process that tests takes one core: threads of a matrix product that wait for each other would take the others'.
export OPENBLAS_NUM_THREADS ?= 1

# Half of the tests to each of two processes, and who is done takes over from the other. Each starts its own servers.
TEST_PROCESSES ?= 2

test: system-packages $(VENV)/installed
	$(BIN)/python -m pytest --numprocesses $(TEST_PROCESSES) --dist worksteal

check: $(VENV)/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test-statistical: $(VENV)/installed
	$(BIN)/python -m pytest -m statistical

test-slow: system-packages $(VENV)/installed
	$(BIN)/python -m pytest -m slow

test-otel-collector: $(VENV)/installed
	$(BIN)/python -m pytest -m otel_collector

# Seconds of CPU for each decoder, and a folder of captured exports to begin with where there is one.
FUZZ_SECONDS ?= 300
FUZZ_CORPUS ?= $(wildcard ../shared/otlp-captures)

fuzz: $(VENV)/installed
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[fuzz]'
	for target in traces traces-json logs logs-json metrics metrics-json gzip calls; do \
	  $(BIN)/python bench/fuzz.py $$target --seconds $(FUZZ_SECONDS) $(addprefix --corpus ,$(FUZZ_CORPUS)) || exit 1; \
	done

# Beside compare(), on the same draws: needs a package index, and half an hour of one core that has nothing else to do.
PEERS = build/drift-peers

bench-drift-peers: $(VENV)/installed
	$(PYTHON) -m venv $(PEERS)
	$(PEERS)/bin/pip install --quiet --requirement bench/requirements-drift-peers.txt
	$(PEERS)/bin/pip install --quiet --no-deps --editable .
	$(BIN)/python bench/drift_peers.py embed $(PEERS)/vectors.npz
	$(PEERS)/bin/python bench/drift_peers.py compare $(PEERS)/vectors.npz

# What only the tests need: Chromium for the pages, PostgreSQL as the other state database, nginx before two collectors,
# and for Elasticsearch the Java that runs it and the Maven that fetches it.
system-packages:
	@command -v chromium >/dev/null || deploy/install-system-packages chromium fonts-liberation
	@ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1 || deploy/install-system-packages postgresql
	@ls /usr/sbin/nginx >/dev/null 2>&1 || command -v nginx >/dev/null || deploy/install-system-packages nginx
	@command -v java >/dev/null || deploy/install-system-packages default-jre-headless
	@command -v mvn >/dev/null || deploy/install-system-packages maven

$(VENV)/installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import ensurepip' || deploy/install-system-packages python3-venv
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@

wheel: $(VENV)/installed
	$(BIN)/python -m build --wheel --no-isolation
	$(BIN)/python deploy/check_wheel.py dist/*.whl

clean:
	rm -rf $(VENV) $(PEERS) dist
