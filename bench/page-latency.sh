#!/usr/bin/env bash
# What the config page costs, and how long it takes, while the box stores at full speed: Status fetched by one who is signed in (p50, p95, p99),
# and messages stored per second with nobody looking, one page that is fetched again and again, and ten pages open that renew themselves
# as a browser does it. In turn, medians. Targets: p95 of Status under 100 ms; with ten pages open at most 5 % fewer messages.
#   ./bench/page-latency.sh
# Env: BODY=1024  CONC=32  RUNS=5  SECS=10  USERS=1000  WARM=4 seconds of load first, which are not counted
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
need cc python3 ss curl
BODY=${BODY:-1024} CONC=${CONC:-32} RUNS=${RUNS:-5} SECS=${SECS:-10} USERS=${USERS:-1000} WARM=${WARM:-4}
OURS_TRUSTS='"127.0.0.1/32"'
OURS_HTTP=$(free_port)
RESULTS=$WORKDIR/results
: >"$RESULTS"

one() { # pages: none, one, ten
  local visitor= json told=$WORKDIR/told
  siploop store 127.0.0.1 "$OURPORT" 1000000 "$CONC" "$BODY" "$USERS" "$WARM" >/dev/null
  : >"$told"
  if [ "$1" != none ]; then
    "$node" "$BENCH/page-visits.ts" "$OURS_HTTP" "$OURDIR/out" "$1" "$SECS" >"$told" &
    visitor=$!
    STARTED+=("$visitor")
    for _ in $(seq 1 100); do [ -s "$told" ] && break; sleep 0.1; done
  fi
  json=$(siploop store 127.0.0.1 "$OURPORT" 2000000 "$CONC" "$BODY" "$USERS" "$SECS")
  [ -z "$visitor" ] || wait "$visitor"
  # shellcheck disable=SC2046
  echo "$1 $(jget "$json" rate p99 bad) $(tail -n 1 "$told")" | tee -a "$RESULTS"
}

echo '# pages rate/s 202-p99ms refused visits p50ms p95ms p99ms wrong'
for run in $(seq "$RUNS"); do
  # Whoever is measured first finds the machine in another state: each is first in turn.
  case $((run % 3)) in 1) order='none one ten' ;; 2) order='ten none one' ;; *) order='one ten none' ;; esac
  for pages in $order; do
    ours_up || exit 1
    one "$pages"
    ours_down
  done
done
python3 - "$RESULTS" <<'PY'
import statistics, sys
rows = [line.split() for line in open(sys.argv[1])]
of = lambda name, column: statistics.median([float(row[column]) for row in rows if row[0] == name and len(row) > column])
none = of('none', 1)
print(f'none: {none:.0f} messages/s')
for name in ('one', 'ten'):
    runs = {each: [float(row[1]) for row in rows if row[0] == each] for each in ('none', name)}
    ratios = [b / a for a, b in zip(runs['none'], runs[name])]
    print(f'{name}: {of(name, 1):.0f} messages/s, {statistics.median(ratios):.3f} of none (median of pairs); Status p50 {of(name, 5):.1f} ms, p95 {of(name, 6):.1f} ms, p99 {of(name, 7):.1f} ms')
PY
