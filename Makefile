# The index of what a contributor can do. `make help` prints it; each target sets up what it needs in .venv by itself.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin

# Everything lands in .venv, at the versions of constraints.txt, whatever environment make was called from.
export VIRTUAL_ENV := $(CURDIR)/$(VENV)
export PIP_CONSTRAINT := constraints.txt
export PATH := $(CURDIR)/$(BIN):$(PATH)
export PIP_DISABLE_PIP_VERSION_CHECK := 1
unexport PYTHONHOME PYTHONPATH

RUST_SOURCES := Cargo.toml Cargo.lock $(shell find crates -name '*.rs' -o -name Cargo.toml)
comma := ,
say = @printf '\n==> %s\n' $(1)

.PHONY: help demo test lint fmt bench fuzz constraints clean

help: ## print this list
	@awk -F ':.*## ' '/^[a-z][a-z-]*:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(VENV)/demo.stamp $(VENV)/core-quick.stamp ## build, run the example shop's old and new version side by side, end with a report
	$(call say,"running the demo")
	$(BIN)/parallelrun demo $(DEMO_ARGS)

test: $(VENV)/test.stamp $(VENV)/core-dev.stamp ## run all tests, Rust and Python
	$(call say,"Rust tests")
	cargo test --locked
	$(call say,"Python tests")
	$(BIN)/python -m pytest $(PYTEST_ARGS)

lint: $(VENV)/test.stamp $(VENV)/lint.stamp $(VENV)/core-dev.stamp ## check format, lints and types of both languages
	$(call say,"Rust: format and lints")
	cargo fmt --all --check
	cargo fmt --manifest-path fuzz/Cargo.toml --check
	cargo clippy --locked --workspace --all-targets -- --deny warnings
	$(call say,"Python: format and lints")
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(call say,"Python: types$(comma) and the stub of the compiled core against the core itself")
	$(BIN)/mypy
	$(BIN)/stubtest parallelrun._core --mypy-config-file pyproject.toml

fmt: $(VENV)/lint.stamp ## format both languages, apply the safe fixes
	cargo fmt --all
	cargo fmt --manifest-path fuzz/Cargo.toml
	$(BIN)/ruff check --fix-only
	$(BIN)/ruff format

bench: $(VENV)/bench.stamp $(VENV)/build.stamp ## measure against nginx and Envoy; writes bench/results and the table of the docs
	$(BIN)/python bench/run.py $(BENCH_ARGS)

FUZZ_SECONDS ?= 60
fuzz: $(VENV)/test.stamp $(VENV)/cargo-fuzz.stamp ## fuzz each target for FUZZ_SECONDS (60) seconds; needs Rust's nightly toolchain
	$(BIN)/python -m fuzz.seeds
	for target in $$(cargo +nightly fuzz list); do \
	  cargo +nightly fuzz run --sanitizer none "$$target" -- \
	    -max_total_time=$(FUZZ_SECONDS) -dict=fuzz/http.dict -max_len=8192 -print_final_stats=1; \
	done

constraints: ## write constraints.txt anew from what a fresh environment resolves to
	PYTHON=$(PYTHON) tools/constraints.sh

clean: ## remove everything that was built or installed here
	rm -rf target fuzz/target $(VENV) .demo .mypy_cache .ruff_cache .pytest_cache .hypothesis
	rm -f python/parallelrun/_core*.so

# --- set-up -----------------------------------------------------------------------------------------------------------

# pip comes first: dependency groups need 25.1, and Python 3.11 ships with an older one.
$(VENV)/pip.stamp:
	$(call say,"making the virtual environment .venv")
	$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit(f"Python 3.11 or newer is needed, this is {sys.version}")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	@touch $@

# One stamp for each set of dependency groups, so that a second call is instant.
$(VENV)/build.stamp: GROUPS = build
$(VENV)/demo.stamp: GROUPS = demo
$(VENV)/test.stamp: GROUPS = demo test
$(VENV)/lint.stamp: GROUPS = lint
$(VENV)/bench.stamp: GROUPS = bench
$(VENV)/%.stamp: pyproject.toml constraints.txt $(VENV)/pip.stamp
	$(call say,"installing the Python packages for: $*")
	$(BIN)/python -m pip install --quiet $(GROUPS:%=--group %)
	@touch $@

$(VENV)/cargo-fuzz.stamp: $(VENV)/pip.stamp
	$(call say,"installing cargo-fuzz into $(VENV)")
	cargo install --quiet --locked --root $(VENV) cargo-fuzz
	@touch $@

# The compiled core sits beside the Python sources; there is one at a time, so making one profile's voids the others'.
$(VENV)/core-%.stamp: $(RUST_SOURCES) pyproject.toml $(VENV)/build.stamp
	$(call say,"building the core: cargo profile $*")
	PIP_QUIET=1 $(BIN)/maturin develop --locked --profile $*
	@rm -f $(VENV)/core-*.stamp
	@touch $@
