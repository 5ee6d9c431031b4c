#!/usr/bin/env bash
# How long the box takes from its start until it can accept custody (/healthz answers 200), on an empty and on a kept store, as it was built
# and from source, in turn: wall and CPU, medians. Small commands beside it. PROGRAM is what ./scripts/build made.
#   ./bench/start.sh [PROGRAM]
# Env: RUNS=9
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
need curl
PROGRAM=$(realpath "${1:-$ROOT/dist/restante-linux-x64}") || exit 1
[ -x "$PROGRAM" ] || { echo "There is no $PROGRAM: ./scripts/build makes it." >&2; exit 1; }
RUNS=${RUNS:-9}
"$node" "$BENCH/start.ts" "$PROGRAM" "$WORKDIR" "$RUNS" "$node ${node_flags[*]} $ROOT/src/main.ts"
