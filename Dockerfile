# The program as it runs in production: one image for every role (`web`, `worker`, `beat`), with no secret and no setting in it.
# What it is told comes from the environment (MIXLENS_…); see README.md and config.default.toml.

FROM rust:1-bookworm AS build
# wasm-opt runs on node.
COPY --from=node:22-bookworm-slim /usr/local/bin/node /usr/local/bin/node
COPY --from=node:22-bookworm-slim /usr/local/lib/node_modules /usr/local/lib/node_modules
RUN ln -s ../lib/node_modules/npm/bin/npm-cli.js /usr/local/bin/npm \
    && apt-get update \
    && apt-get install --yes --no-install-recommends cmake \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
RUN scripts/setup build \
    && cargo run --locked --package xtask -- site --release \
    && cargo build --locked --release --bin mixlens

FROM debian:bookworm-slim
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates curl \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --no-create-home mixlens \
    && install --directory --owner=mixlens --mode=0700 /data
COPY --from=build /src/target/release/mixlens /opt/mixlens/mixlens
# The program serves the site that lies beside it.
COPY --from=build /src/target/site /opt/mixlens/site
USER mixlens
# Where the program may write: SQLite and the built-in object store, for whoever configures neither.
# In production mode unless told otherwise: a development server shows its emails to whoever asks.
ENV MIXLENS_ENVIRONMENT=production \
    MIXLENS_DATA_DIR=/data \
    MIXLENS_LISTEN=0.0.0.0:3000 \
    MIXLENS_LOG_FORMAT=json
# glibc keeps a heap for every few threads, and what is freed in one is of no use to the others: memory creeps up for hours.
ENV MALLOC_ARENA_MAX=2
# The second for uploads while they are measured. Nothing is written anywhere else, so that the root can be read-only.
VOLUME ["/data", "/tmp"]
EXPOSE 3000
# Of the role web; the others answer their figures where `metrics_listen` says (compose.yaml), or nothing: --no-healthcheck.
HEALTHCHECK --interval=15s --timeout=5s --start-period=20s CMD ["curl", "--fail", "--silent", "http://127.0.0.1:3000/readyz"]
ENTRYPOINT ["/opt/mixlens/mixlens"]
