# shellcheck shell=bash
# What the scripts share: where things are kept, and how they say what they are doing. Sourced, never run.

# shellcheck disable=SC2034  # read by the scripts that source this
certwright_cache=${CERTWRIGHT_CACHE:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/certwright}
testbed_bin=${TESTBED_BIN:-$certwright_cache/testbed/bin}

# When the first of the scripts that call each other began, in microseconds: they share one clock, and $SECONDS is too
# coarse for steps of half a second.
export CERTWRIGHT_BEGAN=${CERTWRIGHT_BEGAN:-${EPOCHREALTIME//[.,]/}}
elapsed() {
  local now=${EPOCHREALTIME//[.,]/} tenths
  tenths=$(((now - CERTWRIGHT_BEGAN) / 100000))
  printf '%d.%d s' $((tenths / 10)) $((tenths % 10))
}

# Progress goes to stderr, so that what a script prints as its answer stays clean.
say() { printf '[%8s] %s\n' "$(elapsed)" "$*" >&2; }
fail() { printf '%s: %s\n' "${0##*/}" "$*" >&2; exit 1; }

# usage FILE: prints the comment that opens FILE, which is its manual.
usage() { awk 'NR > 1 && /^#/ {sub(/^# ?/, ""); print; next} NR > 1 {exit}' "$1"; }

need_root() { [[ $EUID == 0 ]] || fail "needs root: it $1. Run it with sudo, or in a container or virtual machine"; }

# install_packages PACKAGE...  from Debian's archive, only those that are missing. One at a time: scripts
# that run side by side wait here for each other instead of failing on dpkg's lock.
install_packages() {
  local package missing=()
  for package in "$@"; do
    [[ $(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) == installed ]] || missing+=("$package")
  done
  ((${#missing[@]})) || return 0
  need_root "installs ${missing[*]}"
  say "installing ${#missing[@]} Debian packages: ${missing[*]}"
  mkdir -p "$certwright_cache"
  (
    flock 9
    # Some of these start themselves as services when installed, which nobody asked for: policy-rc.d forbids it
    # meanwhile. A policy that is there already is left alone.
    if [[ ! -e /usr/sbin/policy-rc.d ]]; then
      printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
      chmod +x /usr/sbin/policy-rc.d
      trap 'rm -f /usr/sbin/policy-rc.d' EXIT
    fi
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
  ) 9>"$certwright_cache/packages.lock"
}

# start_kept FOLDER NAME COMMAND...  starts COMMAND in a session of its own, with its log at FOLDER/NAME.log. Keeps its
# command line and its process under FOLDER/kept, the process with its start time: a number alone could be somebody
# else's by the time we end it.
start_kept() {
  local folder=$1 name=$2
  shift 2
  mkdir -p "$folder/kept"
  printf '%q ' "$@" >"$folder/kept/$name.command"
  setsid "$@" >>"$folder/$name.log" 2>&1 </dev/null &
  printf '%s %s\n' "$!" "$(start_time "$!")" >"$folder/kept/$name.process"
}
start_time() { # PID   its start in clock ticks since boot (proc(5), field 22 of stat; the name before may hold spaces)
  local stat
  stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 0
  stat=${stat##*) }
  awk '{print $20}' <<<"$stat"
}
# kept_pid FOLDER NAME: its process id if that process still runs. A zombie has ended: in a container nobody may reap it.
kept_pid() {
  local pid start
  [[ -f $1/kept/$2.process ]] || return 1
  read -r pid start <"$1/kept/$2.process" || return 1
  [[ -n $start && $(start_time "$pid") == "$start" && $(process_state "$pid") != Z ]] || return 1
  printf '%s\n' "$pid"
}
# end_kept FOLDER NAME [SIGNAL]: ends it and waits until it is gone; after 10 s it is killed.
end_kept() {
  local pid waited=0
  pid=$(kept_pid "$1" "$2") || return 0
  kill "-${3:-TERM}" "$pid" 2>/dev/null || true
  kill -CONT "$pid" 2>/dev/null || true # a stopped process takes no other signal
  while kept_pid "$1" "$2" >/dev/null; do
    ((++waited != 200)) || kill -KILL "$pid" 2>/dev/null || true
    sleep 0.05
  done
}
process_state() { sed -E 's/^.*\) (.).*/\1/' "/proc/$1/stat" 2>/dev/null || true; }

# build_release PRODUCT...: builds them for release, and prints the folder they are in. A program has the same bytes in
# whatever folders the tree and the build are, but for its section .swift_modhash, which scripts/image leaves out: no debug
# information, which has the time stamps of C headers in it, no build id, and no path of this machine.
build_release() {
  local product scratch log options
  scratch=$(realpath -m "${CERTWRIGHT_RELEASE_BUILD:-.build-release}")
  options=(-c release --static-swift-stdlib -debug-info-format none -Xlinker --build-id=none --scratch-path "$scratch")
  options+=(-Xcc "-ffile-prefix-map=$scratch=build" -Xswiftc -file-prefix-map -Xswiftc "$scratch=build")
  options+=(-Xcc "-ffile-prefix-map=$PWD=." -Xswiftc -file-prefix-map -Xswiftc "$PWD=.")
  command -v swift >/dev/null || fail "no swift: install Swift 6.3 (swift.org/install) and put it in PATH"
  say "building $* for release; without a cache this takes some minutes"
  mkdir -p "$scratch"
  for product in "$@"; do
    log=$scratch/$product.log
    swift build "${options[@]}" --product "$product" >"$log" 2>&1 || {
      grep -E 'error:' "$log" | sort -u | head -20 >&2
      tail -n 5 "$log" >&2
      fail "the build of $product failed; $log has all of it"
    }
  done
  printf '%s\n' "$scratch/release"
}

# await SECONDS WHAT COMMAND...: until COMMAND succeeds.
await() {
  local end=$((SECONDS + $1)) what=$2
  shift 2
  until "$@" >/dev/null 2>&1; do
    ((SECONDS < end)) || fail "no $what in time"
    sleep 0.1
  done
}

# free_port [COUNT]: TCP ports that nobody has now, all different, also free for UDP. Below those that the kernel gives to
# connections, of which the next one could take what was free a moment ago.
free_port() {
  python3 - "${1:-1}" <<'PY'
import random, socket, sys
held, ports = [], []
while len(ports) < int(sys.argv[1]):
    tcp, udp = socket.socket(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    port = random.randrange(10000, 30000)
    held += [tcp, udp]
    try:
        tcp.bind(("127.0.0.1", port))
        udp.bind(("127.0.0.1", port))
    except OSError:
        continue
    ports.append(port)
print(*ports)
PY
}
