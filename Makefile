# The two commands: `make run` and `make test`. Each sets up what the machine lacks.
SHELL := bash

.PHONY: run test site setup fmt clean

run: site
	RUSTUP_TOOLCHAIN=$$(scripts/toolchain) cargo run -p server --bin mixlens

site: setup
	RUSTUP_TOOLCHAIN=$$(scripts/toolchain) cargo run -p xtask -- site

setup:
	scripts/setup build

test:
	scripts/setup test
	scripts/test

fmt:
	RUSTUP_TOOLCHAIN=$$(scripts/toolchain) cargo fmt --all

clean:
	cargo clean
