# The two commands: `make run` and `make test`. Each sets up what the machine lacks.
SHELL := bash

.PHONY: run test test-storage chaos bench bench-load bench-judge bench-render formats same-bits api-conformance browser lighthouse mutants shots site setup fmt clean

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

# What the rules hear of faults put into music: writes docs/JUDGEMENT.md.
bench-judge:
	scripts/setup bench
	scripts/bench-judge

# Whether renders keep what they promise on faults put into music: writes docs/RENDERING-BENCH.md; fails where a bar is missed.
bench-render:
	scripts/setup bench
	scripts/bench-render

# One report on unlike processors and in wasm, byte for byte; takes minutes, so that `make test` compares only numbers of threads.
same-bits:
	scripts/setup bench
	scripts/same-bits

# Some 200 files in every format that six programs write, compared with their source; `make test` makes every twelfth.
formats:
	scripts/setup test
	RUSTUP_TOOLCHAIN=$$(scripts/toolchain) cargo test -p analysis-tests -- --ignored matrix

# The API against its own description, by a program of others that makes up requests; a few minutes.
api-conformance:
	scripts/setup test
	test -x target/schemathesis/bin/schemathesis || { python3 -m venv target/schemathesis && target/schemathesis/bin/pip install --quiet schemathesis==4.32.5; }
	RUSTUP_TOOLCHAIN=$$(scripts/toolchain) cargo test --test http -- --ignored schemathesis

# Whether an S3 keeps every promise that the product relies on:
# make test-storage ENDPOINT=https://<account>.r2.cloudflarestorage.com BUCKET=… KEY=… SECRET=… [REGION=auto] [ORIGIN=https://…]
test-storage:
	scripts/setup test
	RUSTUP_TOOLCHAIN=$$(scripts/toolchain) MIXLENS_TEST_S3_ENDPOINT=$(ENDPOINT) MIXLENS_TEST_S3_BUCKET=$(BUCKET) \
	    MIXLENS_TEST_S3_KEY=$(KEY) MIXLENS_TEST_S3_SECRET=$(SECRET) MIXLENS_TEST_S3_REGION=$(REGION) MIXLENS_TEST_S3_ORIGIN=$(ORIGIN) \
	    cargo test --test http object_stores::the_store_of -- --ignored --nocapture

# Processes killed, Redis, storage and database away, for some minutes; `make test` has a short form of it.
chaos:
	scripts/setup test
	RUSTUP_TOOLCHAIN=$$(scripts/toolchain) scripts/postgres cargo test --test http -- --ignored chaos:: two_hundred_kills

# What pages, lists and jobs cost at 100 and at 100,000 analyses, on both databases; how fast API, pages, webhooks and the way to a report are
# beside a peer, and whether a process grows: half an hour, and first an optimised build of everything, which nothing else uses.
bench-load:
	scripts/setup test
	RUSTUP_TOOLCHAIN=$$(scripts/toolchain) CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 \
	    scripts/postgres cargo test --release --test http -- scale:: speed:: --ignored --nocapture --test-threads 1

# Only the walks in the browsers, which `make test` ends with.
browser: site
	RUSTUP_TOOLCHAIN=$$(scripts/toolchain) cargo build
	npm --silent --prefix end2end test

# What Lighthouse says of landing page, demo, prices, history and report on a phone; fails below 95 in any category.
lighthouse: site
	RUSTUP_TOOLCHAIN=$$(scripts/toolchain) cargo build
	test -d target/lighthouse/node_modules/lighthouse || npm --silent --prefix target/lighthouse install lighthouse@13.5.0
	node end2end/lighthouse.js target/lighthouse

# Which changes of the code no test notices; hours for all, minutes for one: make mutants FILES="model/src/player.rs".
mutants:
	scripts/setup test
	scripts/mutants $(FILES)

# Pictures of every page in target/shots; with BEFORE=folder, what changed since those.
shots: site
	RUSTUP_TOOLCHAIN=$$(scripts/toolchain) cargo build
	node end2end/shots.js target/shots $(BEFORE)

fmt:
	RUSTUP_TOOLCHAIN=$$(scripts/toolchain) cargo fmt --all

clean:
	cargo clean
