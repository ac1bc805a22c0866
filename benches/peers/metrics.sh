#!/usr/bin/env bash
# What counting a request costs, beside other metrics libraries: prints tables.
#   benches/peers/metrics.sh            about two minutes on an otherwise idle machine
#   benches/peers/metrics.sh --keep     also writes the tables to benches/peers/README.md
# ROUNDS=4 gives a quick estimate.
set -euo pipefail
cd "$(dirname "$0")"
case "$*" in
  '' | --keep) ;;
  *)
    echo "usage: metrics.sh [--keep]" >&2
    exit 1
    ;;
esac

cargo build --release --quiet --bin metrics --bin table
bin=${CARGO_TARGET_DIR:-target}/release
tmp=$(mktemp -d)
trap 'rm -r "$tmp"' EXIT
locked() { sed -n "/^name = \"$1\"\$/{n;s/version = \"\(.*\)\"/\1/p}" Cargo.lock | tail -1; }

"$bin/metrics" >"$tmp/metrics.tsv"
{
  "$bin/table" --metrics "$tmp/metrics.tsv"
  echo
  echo "tower-b3 $(locked tower-b3) ($(git describe --always --dirty)), prometheus-client $(locked prometheus-client)," \
    "prometheus $(locked prometheus), metrics $(locked metrics),"
  echo "metrics-exporter-prometheus $(locked metrics-exporter-prometheus)," \
    "axum-prometheus $(locked axum-prometheus)."
  echo "$(sed -n 's/^model name.*: //p' /proc/cpuinfo | head -1), $(nproc) cores," \
    "$(rustc --version | cut -d' ' -f1,2), $(date -u +%F)."
} | tee "$tmp/tables"

if [ "${1:-}" = --keep ]; then
  awk -v tables="$tmp/tables" '
    /<!-- kept:end -->/ { inside = 0 }
    !inside { print }
    /<!-- kept -->/ { inside = 1; while ((getline line < tables) > 0) print line }
  ' README.md >"$tmp/readme"
  cp "$tmp/readme" README.md
  echo "kept in benches/peers/README.md"
fi
