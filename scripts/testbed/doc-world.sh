#!/usr/bin/env bash
# doc-world    sourced by scripts/check-docs: the world in which the commands of the documentation run, and how each is run.
#
# Takes from whoever sources it: $work (a folder of its own), $tree (the folder in which commands run), $repository, $programs,
# $blocks (scripts/testbed/doc-blocks) and $KUBECONFIG; and scripts/testbed/lib.sh.
# shellcheck disable=SC2154

# Commands run in a folder that looks like this repository and takes what they write; with a home, names and name servers
# that are theirs alone; and with the programs in PATH as a user who installed them has them.
prepare_world() {
  local entry
  mkdir -p "$tree/.build" "$work/bin" "$work/home/.kube"
  for entry in *; do ln -s "$repository/$entry" "$tree/$entry"; done
  rm "$tree/Package.resolved" # a block writes it
  ln -s "$programs" "$tree/.build/release"
  for entry in certwright kubectl-cert; do ln -s "$programs/$entry" "$work/bin/$entry"; done
  ln -s "$testbed_bin/helm" "$work/bin/helm"
  ln -s "$testbed_bin/bao" "$work/bin/vault"
  # Kubernetes before 1.30 does not know selectableFields, and its kubectl refuses what it does not know.
  cat >"$work/bin/kubectl" <<SH
#!/bin/sh
case " \$* " in *" apply -f crds"* | *" apply -f - "*) exec "$testbed_bin/kubectl" --validate=false "\$@" ;; esac
exec "$testbed_bin/kubectl" "\$@"
SH
  chmod +x "$work/bin/kubectl"
  cp "$KUBECONFIG" "$work/home/.kube/config"
  cp /etc/hosts /etc/resolv.conf "$work"
}
# Others see none of the names.
inside() { # COMMAND...
  # shellcheck disable=SC2016  # expanded in there
  env -u KUBECONFIG HOME="$work/home" XDG_CACHE_HOME="${XDG_CACHE_HOME:-$HOME/.cache}" PATH="$work/bin:$PATH" unshare --mount bash -c '
    mount --bind "$0/hosts" /etc/hosts
    mount --bind "$0/resolv.conf" "$(realpath /etc/resolv.conf)"
    cd "$1"
    shift
    exec "$@"' "$work" "$tree" "$@"
}

text() { # FILE NUMBER [LINE] [SED...]   what is to be run; the SEDs put in what a user puts in
  local file=$1 number=$2 line=()
  shift 2
  [[ ! ${1:-} =~ ^[0-9]+$ ]] || { line=("$1"); shift; }
  local edits=()
  while (($#)); do edits+=(-e "$1"); shift; done
  "$blocks" show "$file" "$number" "${line[@]}" | sed "${edits[@]:--e}" "${edits[@]:+-e}" ""
}
done_with() { printf '%s\t%s\n' "$1" "$2" >>"$work/ran"; }
passed() { printf '✔ %s\n' "$*"; }

# run FILE NUMBER [LINE] [SED...]: to its end, with success; what it says is in $work/said.
run() {
  text "$@" >"$work/script"
  inside bash -euo pipefail "$work/script" >"$work/said" 2>&1 || { cat "$work/script" >&2; fail "$1, block $2 fails"; }
  done_with "$1" "$2"
}
# As run, with the exit code that the program has where it found something.
finds() {
  local code=0
  text "$@" >"$work/script"
  inside bash -uo pipefail "$work/script" >"$work/said" 2>&1 || code=$?
  ((code <= 1)) || { cat "$work/script" >&2; fail "$1, block $2 ends with $code"; }
  done_with "$1" "$2"
}
# serve WHAT CHECK... -- FILE NUMBER [LINE] [SED...]: a command that runs until it is ended; CHECK succeeds while it does.
serve() {
  local what=$1 check=()
  shift
  while [[ $1 != -- ]]; do check+=("$1"); shift; done
  shift
  text "$@" >"$work/script"
  export -f inside
  export work tree
  : >"$work/served.log"
  ! "${check[@]}" >/dev/null 2>&1 || fail "something answers already where $1, block $2 will"
  # shellcheck disable=SC2016  # expanded in there
  start_kept "$work" served bash -c 'inside bash -euo pipefail "$work/script"'
  await 60 "$what ($1, block $2): $(tail -n 3 "$work/served.log")" "${check[@]}"
  end_served
  done_with "$1" "$2"
}
# The command is a child of what was kept, which has a session of its own.
end_served() {
  local pid
  pid=$(kept_pid "$work" served) || return 0
  kill -- "-$pid" 2>/dev/null || true
  end_kept "$work" served
}
said() { grep -qE -- "$1" "$work/said" || fail "nothing like \"$1\" was said"; }
left_out() { # FILE NUMBER REASON
  done_with "$1" "$2"
  printf '– %s, block %s: %s\n' "$1" "$2" "$3"
}
