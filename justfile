# Recipes beside README's two commands. `cargo install just` brings `just`.

# Lists the recipes.
default:
    @just --list

# How long scripts, calls, imports and CPU work take, beside the machine's own python3.
bench *filter:
    cargo build --release
    cargo bench --bench wall -- {{ filter }}
    cargo bench --bench decisions -- {{ filter }}
    cargo bench --bench runs
    cargo bench --bench whole
    cargo bench --bench serve
    cargo bench --bench keys
    cargo bench --bench journal
    cargo bench --bench replay
    cargo bench --bench workspace
    cargo bench --bench sessions

# Fuel of the workloads against benches/fuel.baseline.json; `just fuel --bless` writes that anew.
fuel *arguments:
    cargo bench --bench fuel -- {{ arguments }}

# The shipped suites: workloads against their baseline, and what tasks cost in tokens beside a model that has every tool in its
# context. `just suites --bless` writes the baseline anew.
suites *bless:
    cargo build --release
    target="${CARGO_TARGET_DIR:-target}/release/exuvia" && if [ "{{ bless }}" = --bless ]; \
        then "$target" bench benches/suites/workloads --json > benches/suites/workloads.baseline.json; \
        else "$target" bench benches/suites/workloads --baseline benches/suites/workloads.baseline.json \
            && "$target" tokens benches/suites/tokens; fi

# What an engine holds, and what a script holds while it waits for a tool.
memory:
    cargo bench --bench memory

# Long loops and full counts: everything that takes too long for the tests. Prints a report, fails when a gate fails. As root,
# with swap space and control groups of their own as well.
gates *names:
    cargo build --release
    cargo bench --bench gates -- {{ names }}
    EXUVIA_FUZZ_SECONDS=120 cargo test --release --test fuzz -- fuzz::
    EXUVIA_REPEATS=100 cargo test --release --test misbehaviour
    EXUVIA_REPLAYS=1000 cargo test --release --test suite -- recorded_runs_replay runs_with_files_replay --nocapture
    EXUVIA_KILLS=300 cargo test --release --test suite -- kept_kills --nocapture --test-threads 1
    EXUVIA_HELD_KILLS=100 cargo test --release --test suite -- approvals::killed --nocapture --test-threads 1
    EXUVIA_KILLS=20 EXUVIA_JOURNAL_MIB=1024 cargo test --release --test suite -- kept_kills --nocapture --test-threads 1
    EXUVIA_TEST_KILL_ROUNDS=300 cargo test --release --test kill -- --nocapture --test-threads 1

# The fuzz targets, or those whose names begin so, for as many seconds each; another seed makes other inputs.
fuzz seconds="60" name="" seed="1":
    EXUVIA_FUZZ_SECONDS={{ seconds }} EXUVIA_FUZZ_SEED={{ seed }} cargo test --release --test fuzz -- fuzz::{{ name }}

# Licenses, bans and sources of all dependencies; advisories too, where their database can be reached.
deny:
    cargo deny --version || cargo install cargo-deny --locked
    cargo deny check licenses bans sources
    if cargo deny fetch; then cargo deny check advisories; else echo "advisories: NOT CHECKED, no database"; fi

# Real servers behind `exuvia stdio` and `exuvia serve`, driven by the official clients of Python and TypeScript in both protocol
# eras, the MCP inspector and Claude Code; and `exuvia run`. 4 min; `just interop terminal` is one way of them.
interop *ways:
    cargo build --release
    tests/interop/run "${CARGO_TARGET_DIR:-target}/release/exuvia" {{ ways }}

# An MCP bundle (.mcpb) with the program, checked by the specification's own packer.
mcpb:
    EXUVIA_COMMIT="$(git rev-parse HEAD)" cargo build --release
    crates/exuvia/packaging/mcpb/pack "${CARGO_TARGET_DIR:-target}/release/exuvia"

# A PostgreSQL server for a developer, until Ctrl-C, with an empty database: prints its URL. Needs Debian's `postgresql` or another one.
postgres:
    .ci/postgres serve

# The example that drives tasks with a model, against the wire formats of OpenAI and Anthropic as their official packages define them.
model-api:
    cargo build --release --bin exuvia --example model_api
    tests/interop/model-api

# The fuel of the guest under Node.js instead of wasmtime: as much, to the unit, and an endless loop is stopped.
node-host:
    cargo build --release
    tests/interop/node-host

# The package of npm: packs it and the program's, installs them from a registry of their own into clean folders, and runs the contract suite,
# its tests and README's example there. `just node NAME` runs the cases of the suite whose names have that.
node *case:
    cargo build --release
    crates/node/run-tests "${CARGO_TARGET_DIR:-target}/release/exuvia" {{ case }}

# The guest under the package `wasmtime` of PyPI, by a host written from `wit/` alone: the example of docs/embedding/from-wit.md, and the
# contract suite. `just wit-host case=NAME` runs one case.
wit-host *case:
    cargo build --release
    tests/hosts/python-wit/run "${CARGO_TARGET_DIR:-target}/release/exuvia" {{ case }}

# The crates that an embedder needs, with the prebuilt guest: packed, built from their packages, published as a dry run. `target/package`.
package:
    cargo build --release
    guest/prebuilt.sh "${CARGO_TARGET_DIR:-target}/release/exuvia"

# Platforms that do not work are refused when the crates are compiled for them, with the sentence that says what to do instead. Needs rustup.
refused:
    crates/exuvia/packaging/refused

# What a release holds, for this platform: the program for glibc 2.28, wheel, packages of npm, MCP bundle, container image, crates, SBOM,
# digests, install script and formula, in `target/dist` or a folder. As long as two builds; crates/exuvia/packaging/release.
release *folder:
    crates/exuvia/packaging/release/build {{ folder }}

# One script with 100 tool calls over stdio, end to end: Exuvia beside FastMCP's code mode and `eryx serve`.
peers rounds="30":
    cargo build --release
    tests/peers/run "${CARGO_TARGET_DIR:-target}/release/exuvia" {{ rounds }}

# Approvals, and questions of servers in the middle of scripts' calls, by the official Python client in both eras.
elicitation:
    cargo build --release
    tests/interop/elicitation "${CARGO_TARGET_DIR:-target}/release/exuvia"

# The Python package: builds the wheel, and tests it in new environments, with the frameworks that it plugs into. `just python -k fork`;
# `just python --short` is a part of it, in one environment.
python *arguments:
    crates/python/run-tests {{ arguments }}

# A fresh script and a call from Python and from Node.js, beside pyeryx and pydantic-monty, in one run; `just python` builds the wheel, `just node`
# packs the package.
package-bench rounds="200":
    crates/python/bench/run {{ rounds }} "${CARGO_TARGET_DIR:-target}"/python/wheels/exuvia-*.whl "${CARGO_TARGET_DIR:-target}"/node/exuvia-[0-9]*.tgz

# The official conformance suite, server and client side, both requirement sets; what may differ is in expected.toml.
conformance *faces:
    cargo build --release
    tests/conformance/run "${CARGO_TARGET_DIR:-target}/release/exuvia" {{ faces }}

# CPython's own tests of files, in the sandbox; what fails is in tests/cpython/expected.toml with its reason. 4 min; `just cpython test_shutil` runs one
# module. EXUVIA_CPYTHON_TESTS names their folder, `Lib/test` of CPython, if no Python that is installed has it.
cpython *modules:
    cargo build --release
    tests/cpython/run "${CARGO_TARGET_DIR:-target}/release/exuvia" {{ modules }}

# The web console in headless Chromium: every screen, by keyboard alone, read by axe, against hostile text; with generated data, and in the
# program itself. `just console screenshots` writes those of README anew, `just console paint` measures the list of 100,000 runs, `just console hostile` is one file of tests.
console *what:
    [ "{{ what }}" = screenshots ] || [ "{{ what }}" = paint ] || cargo build --release
    tests/console/run "${CARGO_TARGET_DIR:-target}/release/exuvia" {{ what }}

# The OpenAPI description of the admin API against a running daemon, by schemathesis.
admin-api *options:
    cargo build --release
    tests/admin/run "${CARGO_TARGET_DIR:-target}/release/exuvia" {{ options }}

# Type checks the stubs of the recorded catalogs, by mypy and pyright.
stubs:
    tests/interop/stubs

# Mutation testing of the pure crates: fails when a mistake that cargo-mutants makes is noticed by no test; status 3 is a mistake
# that made a loop endless, which the time limit noticed. `just mutants policy`
# takes one of them, `just mutants "catalog analysis" --shard 0/40 --sharding round-robin` a sample from all of their files
# (the whole of these two takes a day). What it finds is in
# mutants.out below the target folder; what it passes over, and why, in .cargo/mutants.toml.
mutants crates="policy tool catalog analysis journal" *arguments:
    cargo mutants --version || cargo install cargo-mutants --locked
    mkdir -p "${CARGO_TARGET_DIR:-target}/mutants"
    target="$(realpath "${CARGO_TARGET_DIR:-target}")/mutants" \
        && CARGO_TARGET_DIR="$target" nice cargo mutants --output "$target" $(printf -- '-p exuvia-%s ' {{ crates }}) {{ arguments }} || [ $? -eq 3 ]

# What every change must pass.
ci:
    .ci/run
