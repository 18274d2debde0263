#!/usr/bin/env bash
# Installs what a part of the compat tests needs, with apt-get, when it is missing. Says nothing when there is nothing to do.
#
#   install.sh [python] [java] [zookeeper]      without a name: all of them
set -euo pipefail

missing=()

need_python() {
  command -v python3 >/dev/null || missing+=(python3)
  python3 -c 'import venv, ensurepip' 2>/dev/null || missing+=(python3-venv)
}

need_java() {
  command -v javac >/dev/null || missing+=(default-jdk-headless)
  command -v mvn >/dev/null || missing+=(maven)
}

need_zookeeper() {
  [ -e /usr/share/java/zookeeper.jar ] || missing+=(zookeeper)
}

[ $# -gt 0 ] || set -- python java zookeeper
for part in "$@"; do
  case $part in
    python | java | zookeeper) "need_$part" ;;
    *) echo "install.sh: no part called $part: want python, java or zookeeper" >&2; exit 2 ;;
  esac
done
[ ${#missing[@]} -gt 0 ] || exit 0

if ! command -v apt-get >/dev/null; then
  echo "install.sh: ${missing[*]} missing, and there is no apt-get: install them by hand" >&2
  exit 1
fi
as_root=()
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null || { echo "install.sh: ${missing[*]} missing: run as root: apt-get install ${missing[*]}" >&2; exit 1; }
  as_root=(sudo -n)
fi

log=$(mktemp)
trap 'rm -f "$log"' EXIT
export DEBIAN_FRONTEND=noninteractive
# Two test processes may get here together: apt-get waits for its lock.
apt=("${as_root[@]}" apt-get -q -y -o DPkg::Lock::Timeout=300)
if ! { "${apt[@]}" update && "${apt[@]}" install --no-install-recommends "${missing[@]}"; } >"$log" 2>&1; then
  echo "install.sh: could not install ${missing[*]}:" >&2
  tail -n 20 "$log" >&2
  exit 1
fi
echo "install.sh: installed ${missing[*]}"
