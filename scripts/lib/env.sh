# Sourced by the scripts beside it: finds the checkout, installs what the lockfile names when that is not there yet,
# and puts the pinned Node first in PATH. Sets: root, arch, node, and what the box is run with: node_flags.
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
installed=$root/node_modules/.installed-lock

fail() {
  printf '%s\n' "$*" >&2
  exit 1
}

find_node() {
  case "$(uname -s)-$(uname -m)" in
    Linux-x86_64) arch=x64 ;;
    Linux-aarch64) arch=arm64 ;;
    *) fail "Restante runs on Linux on x86_64 or aarch64; this is $(uname -s) on $(uname -m)." ;;
  esac
  node=$root/node_modules/node-linux-$arch/bin/node
}

# The copy of the lockfile is written last, so an installation that broke off is done again.
install_packages() {
  cmp -s "$root/package-lock.json" "$installed" && [ -x "$node" ] && return 0
  command -v npm >/dev/null || fail 'npm was not found. Install Node.js 20 or later with npm, then run this again.'
  printf 'Installing the packages that package-lock.json names (once, some minutes at most)...\n' >&2
  (cd "$root" && npm ci --no-audit --no-fund --loglevel=error >&2) ||
    fail 'npm ci did not succeed (its message stands above). The package registry has to be reachable for this first step.'
  [ -x "$node" ] || fail "npm ci did not bring the pinned Node ($node). Was npm told to leave out optional packages?"
  # The test runner puts its plugins together once; done in the middle of its first run, that run would fail.
  (cd "$root" && "$node" node_modules/tap/dist/esm/run.mjs build >&2) || fail 'The test runner could not be prepared.'
  cp "$root/package-lock.json" "$installed"
}

# The addon of native/; without a compiler the box serves all the same, and says what it cannot do where that is asked for.
compile_addon() {
  [ "$root/node_modules/.native/restante.node" -nt "$root/native/restante.c" ] && return 0
  command -v gcc >/dev/null && "$root/scripts/lib/native" "$arch" >/dev/null || true
}

find_node
install_packages
compile_addon
# A small young generation: what a message leaves behind is freed soon, where the default of 16 MiB and more lets buffers of sockets and
# of flash pile up until the whole heap is searched for them. No debugger on SIGUSR1: its port is open to everybody on the machine.
# The tests run the box with the same (src/testing/program-under-test.ts).
node_flags=(--max-semi-space-size=4 --disable-sigusr1)
# Compiled code is kept, so that commands start in half the time.
export NODE_COMPILE_CACHE=$root/node_modules/.compile-cache
PATH=$(dirname "$node"):$PATH
