#!/usr/bin/env bash
# Installs what the tests in a browser need, if it is missing, and prints where it is:
#
#   CHROMEDRIVER=/usr/bin/chromedriver   Debian's chromium and chromium-driver
#   AXE=/…/axe-core/axe.min.js           from npm, into target/browser
#
# Everything else goes to stderr, so that the output can be read by
# `set -a; source <(viewer/tests/browser/install.sh)` or appended to $GITHUB_ENV.
set -euo pipefail

axe_version=4.14.1

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../../.." && pwd)
cache=${TOWER_B3_BROWSER_CACHE:-$root/target/browser}
mkdir -p "$cache"
cache=$(cd "$cache" && pwd)
axe=$cache/axe-core-$axe_version

apt_install() {
    local sudo=()
    [ "$(id -u)" -eq 0 ] || sudo=(sudo)
    "${sudo[@]}" apt-get update -qq >&2
    "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y -qq --no-install-recommends "$@" >&2
}

command -v chromedriver >/dev/null || apt_install chromium chromium-driver fonts-dejavu-core fonts-liberation2

# The package has no dependencies: its archive is enough.
if [ ! -f "$axe/axe.min.js" ]; then
    command -v npm >/dev/null || apt_install npm
    unfinished=$axe.unfinished
    rm -rf "$unfinished" "$axe"
    mkdir -p "$unfinished"
    (cd "$unfinished" && npm pack --silent "axe-core@$axe_version" >&2 && tar -xzf axe-core-*.tgz --strip-components=1)
    mv "$unfinished" "$axe"
fi

echo "CHROMEDRIVER=$(command -v chromedriver)"
echo "AXE=$axe/axe.min.js"
