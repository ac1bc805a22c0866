#!/usr/bin/env bash
# Makes the screenshots of the page, in docs/viewer-*.png, in light and dark: of a generated shop with
# many traces, and of the coolstore, as the README's first command shows it.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
set -a
# shellcheck disable=SC1090
source <(viewer/tests/browser/install.sh)
set +a

apt_install() {
    local sudo=()
    [ "$(id -u)" -eq 0 ] || sudo=(sudo)
    "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >&2
}
command -v pngquant >/dev/null || apt_install pngquant
fc-list | grep -q 'Inter' || apt_install fonts-inter

# The page uses the system's font. A server has none worth showing: Inter stands for it.
fonts=$root/target/browser/fonts.conf
cat > "$fonts" <<XML
<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <include>/etc/fonts/fonts.conf</include>
  <match target="pattern">
    <test name="family" qual="any" compare="contains"><string>sans</string></test>
    <edit name="family" mode="assign" binding="strong"><string>Inter</string></edit>
  </match>
  <match target="pattern">
    <test name="family" qual="any"><string>system-ui</string></test>
    <edit name="family" mode="assign" binding="strong"><string>Inter</string></edit>
  </match>
</fontconfig>
XML

cargo build -p coolstore
output=$(mktemp)
target/debug/coolstore > "$output" &
coolstore=$!
trap 'kill "$coolstore"; rm "$output"' EXIT
until grep -q 'until Ctrl-C' "$output"; do
    kill -0 "$coolstore"
    sleep 0.1
done
page=$(sed -n 's|^See these traces.* http://\([^/]*\)/.*|\1|p' "$output")

TOWER_B3_COOLSTORE=$page FONTCONFIG_FILE=$fonts TOWER_B3_BROWSER=1 \
    TOWER_B3_SCREENSHOTS=$root/docs \
    cargo test -p tower-b3-viewer --test browser -- screenshots
pngquant --force --ext .png --speed 1 --skip-if-larger 256 docs/viewer-*.png || test $? -eq 98
ls -l docs/viewer-*.png
