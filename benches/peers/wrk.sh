#!/usr/bin/env bash
# Loads hyper's HTTP/1 server with wrk. The server runs on core 0 with all its threads, including the
# reporter's; wrk runs on core 1. The bare server and the layer that does nothing are measured right
# before each peer, so that ratios compare the same few seconds.
#   benches/peers/wrk.sh [ROUNDS] [SECONDS]     defaults: 3 rounds, 2 seconds per server
#   PEERS="tower-b3 fastrace" SCENARIOS="in1" benches/peers/wrk.sh
# Needs Debian's wrk.
set -euo pipefail
cd "$(dirname "$0")"
rounds=${1:-3}
seconds=${2:-2}
port=${PORT:-18080}
cargo build --release --quiet
bin=${CARGO_TARGET_DIR:-target}/release
peers=${PEERS:-$("$bin/server" --list)}
scenarios=${SCENARIOS:-in1 in0}
tmp=$(mktemp -d)
server=
trap 'if [ -n "$server" ]; then kill "$server"; fi; rm -r "$tmp"' EXIT

base=(
  -H 'user-agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0'
  -H 'accept: application/json, text/plain, */*'
  -H 'accept-encoding: gzip, deflate, br'
  -H 'accept-language: en-GB,en;q=0.7,de;q=0.3'
  -H 'content-type: application/json'
  -H 'authorization: Bearer example-token-example-token-example-token-example-token-example-token-example-token-example-'
  -H 'cookie: session=0f3c1d2e4b5a69788796a5b4c3d2e1f0; theme=dark'
  -H 'x-forwarded-for: 203.0.113.195'
  -H 'x-forwarded-proto: https'
  -H 'x-tenant: acme'
  -H 'cache-control: no-cache'
)
b3=(
  -H 'x-request-id: 6f0b3f1e-6a0b-9d1c-8f3e-0d6b5a4c3e21'
  -H 'x-b3-traceid: 463ac35c9f6413ad48485a3953bb6124'
  -H 'x-b3-spanid: a2fb4a1d1a96d312'
  -H 'x-b3-parentspanid: 0020000000000001'
)

# load SECONDS HEADER...
load() {
  local seconds=$1
  shift
  taskset -c 1 wrk -t1 -c32 -d"${seconds}s" "$@" "http://127.0.0.1:$port/orders/12345?expand=lines"
}

# CPU time of the server, in hundredths of a second.
cpu() { awk '{ print $14 + $15 }' "/proc/$server/stat"; }

# measure PEER SCENARIO: requests per second, CPU µs per request, spans reported, requests
measure() {
  local headers=("${base[@]}") before after
  case $2 in
    in1) headers+=("${b3[@]}" -H 'x-b3-sampled: 1') ;;
    in0) headers+=("${b3[@]}" -H 'x-b3-sampled: 0') ;;
  esac
  : >"$tmp/err"
  taskset -c 0 "$bin/server" "$1" "$2" "$port" >"$tmp/out" 2>"$tmp/err" &
  server=$!
  until grep -q ready "$tmp/err"; do
    kill -0 "$server"
    sleep 0.02
  done
  load 1 "${headers[@]}" >"$tmp/warm"
  before=$(cpu)
  load "$seconds" "${headers[@]}" >"$tmp/wrk"
  after=$(cpu)
  kill -INT "$server"
  wait "$server"
  server=
  awk -v cpu=$((after - before)) -v reported="$(cat "$tmp/out")" '
    /requests in/ { requests += $1; last = $1 }
    /Requests\/sec/ { rate = $2 }
    END { printf "%s %.2f %s %d\n", rate, cpu * 10000 / last, reported, requests }
  ' "$tmp/warm" "$tmp/wrk" >"$tmp/measured"
}

{
  printf 'peer\tscenario\tround\tbare_req_s\tbare_cpu_us\tnothing_req_s\tnothing_cpu_us\treq_s\tcpu_us\treported\trequests\n'
  for ((round = 1; round <= rounds; round++)); do
    for scenario in $scenarios; do
      for peer in $peers; do
        measure baseline "$scenario"
        read -r bare_rate bare_cpu _ <"$tmp/measured"
        measure nothing "$scenario"
        read -r nothing_rate nothing_cpu _ <"$tmp/measured"
        measure "$peer" "$scenario"
        read -r rate cpu reported requests <"$tmp/measured"
        printf '%s\t' "$peer" "$scenario" "$round" "$bare_rate" "$bare_cpu" "$nothing_rate" \
          "$nothing_cpu" "$rate" "$cpu" "$reported"
        printf '%s\n' "$requests"
      done
    done
  done
} >"$tmp/wrk.tsv"
"$bin/table" --wrk "$tmp/wrk.tsv"
