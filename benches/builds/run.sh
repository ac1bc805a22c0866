#!/usr/bin/env bash
# What it takes to build a small service with each tracing stack: crates and CPU seconds of a clean
# debug build, as a Markdown table. Each service has axum, B3 propagation where the stack has it,
# spans to a collector over HTTP, and trace ids on log lines.
#   benches/builds/run.sh [FOLDER]    the packages are made in FOLDER (target/builds)
# About five minutes on two cores. CPU seconds hardly depend on what else the machine does.
set -euo pipefail
cd "$(dirname "$0")"
root=$(cd ../.. && pwd)
folder=$(realpath -m "${1:-$root/target/builds}")

# stack NAME DEPENDENCY...: builds a package with these dependencies and prints its row.
stack() {
  local name=$1 package=$folder/${1//[^a-z0-9]/-}
  shift
  mkdir -p "$package/src"
  {
    printf '[package]\nname = "service"\nversion = "0.0.0"\nedition = "2024"\n\n[workspace]\n\n[dependencies]\n'
    printf 'axum = "0.8"\ntokio = { version = "1", features = ["full"] }\n'
    printf 'tracing = "0.1"\ntracing-subscriber = "0.3"\n'
    printf '%s\n' "$@"
  } >"$package/Cargo.toml"
  echo 'fn main() {}' >"$package/src/main.rs"

  cd "$package"
  cargo fetch --quiet
  rm -rf target
  local crates cpu
  crates=$(cargo tree --edges normal,build --prefix none --no-dedupe --format '{p}' |
    sed 's/ (.*//' | sort -u | grep -cv '^service ')
  local TIMEFORMAT='%U %S'
  cpu=$({ time cargo build --quiet --target-dir target 2>/dev/null; } 2>&1)
  awk -v name="$name" -v crates="$crates" '{ printf "| %s | %d | %.0f |\n", name, crates, $1 + $2 }' <<<"$cpu"
  cd - >/dev/null
}

echo '| stack | crates | CPU seconds |'
echo '|---|---:|---:|'
stack 'tower-b3' \
  "tower-b3 = { path = \"$root\", features = [\"axum\", \"log-ids\"] }"
stack 'tower-otel' \
  'opentelemetry = "=0.33.1"' 'opentelemetry_sdk = "=0.33.1"' 'opentelemetry-otlp = "=0.33.1"' \
  'opentelemetry-propagator-b3 = "=0.33.1"' 'tracing-opentelemetry = "=0.34.0"' \
  'tower-otel = { version = "=0.12.0", features = ["axum"] }'
stack 'axum-tracing-opentelemetry' \
  'opentelemetry = "=0.33.1"' 'opentelemetry_sdk = "=0.33.1"' 'opentelemetry-otlp = "=0.33.1"' \
  'opentelemetry-propagator-b3 = "=0.33.1"' 'tracing-opentelemetry = "=0.34.0"' \
  'axum-tracing-opentelemetry = "=0.42.1"'
stack 'fastrace' \
  'fastrace = { version = "=0.7.19", features = ["enable"] }' 'fastrace-tower = "=0.2.0"' \
  'fastrace-opentelemetry = "0.19"' \
  'opentelemetry_sdk = "=0.33.1"' 'opentelemetry-otlp = "=0.33.1"'
echo
echo "$(rustc --version | cut -d' ' -f1,2), $(nproc) cores, $(date -u +%F)"
