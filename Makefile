# The two commands: `make run` and `make test`. Each sets up what the machine lacks.
SHELL := bash

.PHONY: run test bench browser site setup fmt clean

run: site
	RUSTUP_TOOLCHAIN=$$(scripts/toolchain) cargo run --bin mixlens

site: setup
	RUSTUP_TOOLCHAIN=$$(scripts/toolchain) cargo run -p xtask -- site

setup:
	scripts/setup build

test:
	scripts/setup test
	scripts/test

# Ratios against peers; nothing that `make test` depends on.
bench:
	scripts/setup bench
	scripts/bench

# Only the walks in Chromium, which `make test` ends with.
browser: site
	RUSTUP_TOOLCHAIN=$$(scripts/toolchain) cargo build
	node end2end/run.js

fmt:
	RUSTUP_TOOLCHAIN=$$(scripts/toolchain) cargo fmt --all

clean:
	cargo clean
