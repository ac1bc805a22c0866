#!/usr/bin/env bash
# The instructions that tower-b3 adds to a request, counted by callgrind and compared with the
# numbers in benches/README.md.
#   benches/callgrind/run.sh [ROW...]   prints the table, or only these rows
#   benches/callgrind/run.sh --keep     also writes the table to benches/README.md
# Needs valgrind. A row takes about four seconds.
set -euo pipefail
cd "$(dirname "$0")"
readme=../README.md
requests=2048
keep=
if [ "${1:-}" = --keep ]; then
  keep=yes
  shift
  if [ $# -ne 0 ]; then
    echo "--keep is for the whole table" >&2
    exit 1
  fi
fi

# Freed memory goes to per-thread lists, whose cost does not depend on memory addresses.
export GLIBC_TUNABLES=glibc.malloc.tcache_count=20000:glibc.malloc.tcache_max=65536

cargo build --release --quiet
rows=${CARGO_TARGET_DIR:-target}/release/rows
out=$(mktemp -d)
table=$(mktemp)
trap 'rm -r "$out" "$table"' EXIT

# counted COUNT ROW HOW [OPTION...]: instructions on the request's thread and on all others
counted() {
  local count=$1 row=$2 how=$3
  shift 3
  rm -f "$out"/*
  valgrind --quiet --tool=callgrind --separate-threads=yes --callgrind-out-file="$out/thread" \
    "$@" "$rows" "$row" "$how" "$count"
  awk '/^totals:/ { if (FILENAME ~ /-01$/) own += $2; else others += $2 }
       END { print own + 0, others + 0 }' "$out"/thread*
}

# On the request's thread only `measured` is counted, after the same number of requests to warm up.
on_request() {
  counted "$requests" "$1" "$2" --toggle-collect='rows::measured*' |
    awk -v n="$requests" '
      !$1 { print "nothing was counted: is there a function rows::measured?" >"/dev/stderr"; exit 1 }
      { print $1 / n }'
}

# The reporter's thread is counted from its start, so take the difference of two runs: the second
# serves twice as many requests, and each run warms up with the same number as it counts.
on_reporter() {
  for how in bare traced; do
    for count in "$requests" $((2 * requests)); do
      counted "$count" "$1" "$how"
    done
  done | awk -v n="$requests" '{ count[NR] = $2 }
    END { print (count[4] - count[3] - count[2] + count[1]) / (2 * n) }'
}

kept() {
  awk -F'|' -v row="$1" '
    /<!-- kept -->/ { table = 1 }
    { gsub(/[ `]/, "") }
    table && $2 == row { print $3; exit }
  ' "$readme"
}

if [ $# -eq 0 ]; then
  mapfile -t chosen < <("$rows" --list)
else
  chosen=("$@")
fi

printf '| row | request'"'"'s thread | reporter'"'"'s thread |\n|---|---:|---:|\n' >"$table"
printf '%-16s %10s %10s %8s %10s\n' row request kept change reporter
for row in "${chosen[@]}"; do
  bare=$(on_request "$row" bare)
  traced=$(on_request "$row" traced)
  own=$(awk -v bare="$bare" -v traced="$traced" 'BEGIN { printf "%d", traced - bare + 0.5 }')
  others=$(on_reporter "$row" | awk '{ printf "%d", $1 < 0.5 ? 0 : $1 + 0.5 }')
  before=$(kept "$row")
  change=$(awk -v now="$own" -v before="${before:-0}" 'BEGIN {
    if (before > 0) printf "%+.1f %%", (now / before - 1) * 100; else print "-"
  }')
  printf '%-16s %10s %10s %8s %10s\n' "$row" "$own" "${before:--}" "$change" "$others"
  printf '| `%s` | %s | %s |\n' "$row" "$own" "$others" >>"$table"
done

if [ -n "$keep" ]; then
  {
    printf '\ntower-b3 %s (%s), %s; %s, %s, %s.\n' \
      "$(sed -n 's/^version = "\(.*\)"/\1/p' ../../Cargo.toml | head -1)" \
      "$(git describe --always --dirty)" "$(date -u +%F)" \
      "$(rustc --version | cut -d' ' -f1,2)" "$(valgrind --version)" "$(uname -m)"
  } >>"$table"
  awk -v table="$table" '
    /<!-- kept:end -->/ { inside = 0 }
    !inside { print }
    /<!-- kept -->/ { inside = 1; while ((getline line < table) > 0) print line }
  ' "$readme" >"$out/readme"
  cp "$out/readme" "$readme"
  echo "kept in benches/README.md"
fi
