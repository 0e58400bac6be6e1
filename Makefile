# Every way to build, run and prove this project. `make` alone lists them.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.NOTPARALLEL:

# Where cargo builds, where the Python clients of the black-box tests live, and what `make run` passes on.
TARGET := $(or $(CARGO_TARGET_DIR),target)
TEST_VENV ?= $(TARGET)/python
PYTHON ?= python3
ARGS ?=

.PHONY: help run test check bench clean test-services test-python

help: ## this table
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## build the release and start the server on 127.0.0.1:8700; ARGS="--bind 127.0.0.1:9000" is passed on
	@cargo build --release --locked -p althing
	@exec $(TARGET)/release/althing up $(ARGS)

test: test-services test-python ## prepare what the tests need (servers, Python, the release), then run every test
	@cargo build --release --locked -q -p althing
	@export ALTHING_TEST_PYTHON=$(abspath $(TEST_VENV))/bin/python; \
	export ALTHING_TEST_LITELLM=$(abspath $(TEST_VENV)-litellm)/bin/litellm; \
	if cargo nextest --version >/dev/null 2>&1; then \
		cargo nextest run --workspace --locked; \
	else \
		cargo test --workspace --locked; \
	fi

check: ## formatting, clippy, tidy (floors, ratchets, licences, banned crates), documentation
	@cargo fmt --all --check
	@cargo clippy --workspace --all-targets --locked -- -D warnings
	@cargo xtask tidy
	@RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --locked --document-private-items

bench: ## benchmarks: figures to target/bench/*.json and a table on screen; ARGS="chat --quick" runs a few
	@cargo build --release --locked -p althing
	@cargo xtask bench $(ARGS)

clean: ## remove everything built, the Python packages of the tests included
	@rm -rf $(TEST_VENV) $(TEST_VENV).log $(TEST_VENV)-litellm $(TEST_VENV)-litellm.log
	@cargo clean

# Debian keeps the programs of PostgreSQL and pgbouncer off the path; this and the tests look for them there too. Where
# PostgreSQL was never installed, no cluster of Debian's is made. Whatever apt-get says is shown only if it fails.
test-services: ## install PostgreSQL, pgbouncer, strace, wrk and hey, which the tests start themselves, where they are missing
	@log=$(TARGET)/test-services.log; \
	has() { \
		for at in "$$(command -v $$1)" /usr/lib/postgresql/*/bin/$$1 /usr/sbin/$$1; do [ ! -x "$$at" ] || return 0; done; \
		return 1; \
	}; \
	missing() { for name in initdb postgres psql pgbench pgbouncer strace wrk hey; do has $$name || printf ' `%s`' $$name; done; }; \
	[ -n "$$(missing)" ] || exit 0; \
	as=; [ "$$(id -u)" = 0 ] || as='sudo -n'; \
	if command -v apt-get >/dev/null && $$as true 2>/dev/null; then \
		echo "installing PostgreSQL, pgbouncer, strace, wrk and hey for the tests"; \
		mkdir -p $(TARGET); \
		etc=/etc/postgresql-common; no_cluster=$$etc/createcluster.d/althing-tests.conf; \
		[ -e $$etc/createcluster.conf ] || $$as sh -c "mkdir -p $$etc/createcluster.d; echo 'create_main_cluster = false' >$$no_cluster"; \
		get() { $$as env DEBIAN_FRONTEND=noninteractive apt-get -y -o DPkg::Lock::Timeout=120 "$$@"; }; \
		install() { get install --no-install-recommends postgresql pgbouncer strace wrk hey; }; \
		{ install || { get update && install; }; } >$$log 2>&1 </dev/null || cat $$log >&2; \
		$$as rm -f $$no_cluster; \
	fi; \
	[ -n "$$(missing)" ] || exit 0; \
	echo "error: the tests start programs that are missing:$$(missing)" >&2; \
	echo 'hint: install PostgreSQL 15 or newer, pgbouncer, strace, wrk and hey: on Debian, `apt-get install postgresql pgbouncer strace wrk hey` as root' >&2; \
	exit 1

# Rebuilt only when the requirements differ from the copy kept inside it: a fresh clone has fresh times but the same
# packages. Whatever pip says is kept in a log and shown only if it fails.
test-python:
	@if ! $(PYTHON) -c 'import ensurepip, venv' 2>/dev/null; then \
		echo 'error: `$(PYTHON)` with venv is missing: the tests drive the server with Python clients' >&2; \
		echo 'hint: on Debian, `apt-get install python3-venv`; elsewhere `make test PYTHON=/path/to/python3`' >&2; \
		exit 1; \
	fi; \
	prepare() { \
		venv=$$1; wanted=$$2; log=$$venv.log; \
		if cmp -s $$wanted $$venv/requirements.txt && $$venv/bin/python -c '' 2>/dev/null; then return 0; fi; \
		echo "preparing Python packages for the tests in $$venv"; \
		rm -rf $$venv; mkdir -p $$(dirname $$venv); \
		if ! { $(PYTHON) -m venv $$venv && $$venv/bin/python -m pip install -r $$wanted; } >$$log 2>&1; then \
			cat $$log >&2; \
			echo "error: the Python packages of the tests could not be installed (above; also in $$log)" >&2; \
			return 1; \
		fi; \
		cp $$wanted $$venv/requirements.txt; \
	}; \
	prepare $(TEST_VENV) tests/requirements.txt; \
	prepare $(TEST_VENV)-litellm tests/requirements-litellm.txt
