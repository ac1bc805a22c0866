#!/usr/bin/env bash
# Compares tower-b3 with its peers: prints tables, and writes the chart docs/cost.svg.
#   benches/peers/run.sh [FOLDER]    keeps the measurements in FOLDER (default: target/results)
# Takes about ten minutes on an otherwise idle machine. ROUNDS=4 gives a quick estimate.
# Needs two cores and Debian's libjemalloc2 (or JEMALLOC=/path/to/libjemalloc.so).
set -euo pipefail
cd "$(dirname "$0")"
results=$(realpath -m "${1:-target/results}")
jemalloc=${JEMALLOC:-/usr/lib/$(uname -m)-linux-gnu/libjemalloc.so.2}
if [ ! -e "$jemalloc" ]; then
  echo "no $jemalloc: install libjemalloc2, or say JEMALLOC=/path/to/libjemalloc.so" >&2
  exit 1
fi

cargo build --release --quiet
bin=${CARGO_TARGET_DIR:-target}/release
mkdir -p "$results"
locked() { sed -n "/^name = \"$1\"\$/{n;s/version = \"\(.*\)\"/\1/p}" Cargo.lock | tail -1; }
{
  echo "$(sed -n 's/^model name.*: //p' /proc/cpuinfo | head -1), $(nproc) cores, Linux $(uname -r)," \
    "$(rustc --version | cut -d' ' -f1,2), $(date -u +%F)"
  echo "tower-b3 $(locked tower-b3) ($(git describe --always --dirty)), fastrace $(locked fastrace)," \
    "opentelemetry $(locked opentelemetry), zipkin $(locked zipkin), tower-otel $(locked tower-otel)," \
    "opentelemetry-instrumentation-tower $(locked opentelemetry-instrumentation-tower),"
  echo "axum-tracing-opentelemetry $(locked axum-tracing-opentelemetry)," \
    "tower-http-opentelemetry $(locked tower-http-opentelemetry), http $(locked http)," \
    "tracing-opentelemetry $(locked tracing-opentelemetry), fastrace-tracing $(locked fastrace-tracing),"
  echo "prometheus-client $(locked prometheus-client), prometheus $(locked prometheus)," \
    "metrics $(locked metrics), metrics-exporter-prometheus $(locked metrics-exporter-prometheus)," \
    "axum-prometheus $(locked axum-prometheus)"
} >"$results/machine.txt"

"$bin/paired" >"$results/work.tsv"
ASLEEP=1 "$bin/paired" >"$results/asleep.tsv"
LD_PRELOAD=$jemalloc "$bin/paired" >"$results/jemalloc.tsv"
"$bin/micro" >"$results/micro.tsv"
"$bin/scale" >"$results/scale.tsv"
"$bin/local" >"$results/local.tsv"
"$bin/metrics" >"$results/metrics.tsv"
"$bin/table" "$results" ../../docs/cost.svg
