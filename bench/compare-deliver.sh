#!/usr/bin/env bash
# Delivery after REGISTER: PER messages wait for each of USERS users, who then register with the load generator's socket as their
# contact; it answers every MESSAGE 200. Time until the last one is there; duplicates; what is left in the store 4 s later.
#   ./bench/compare-deliver.sh
# Env: PEERS="sqlite-wal:1 pg:16"  USERS=200  PER=50  BODY=1024  RUNS=3  CONC=8
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
need kamailio sqlite3 psql cc python3 ss
PEERS=${PEERS:-sqlite-wal:1 pg:16} USERS=${USERS:-200} PER=${PER:-50} BODY=${BODY:-1024} RUNS=${RUNS:-3} CONC=${CONC:-8}
RESULTS=$WORKDIR/results
: >"$RESULTS"

one() { # name port left-command... -- pid...
  local name=$1 port=$2 left=() stored json ticks
  shift 2
  while [ "$1" != -- ]; do left+=("$1"); shift; done
  shift
  stored=$(jget "$(siploop store 127.0.0.1 "$port" $((USERS * PER)) 16 "$BODY" "$USERS" 60)" ok)
  ticks=$(cpu_ticks "$@")
  json=$(siploop deliver 127.0.0.1 "$port" "$stored" "$CONC" "$USERS" 60)
  ticks=$(($(cpu_ticks "$@") - ticks))
  sleep 4
  # shellcheck disable=SC2046
  echo "$name" $(jget "$json" deliver_rate delivered) "$stored" $(jget "$json" dups) "$("${left[@]}")" "$((ticks * 10000 / (stored > 0 ? stored : 1)))" | tee -a "$RESULTS"
}

echo "# name delivered/s delivered stored duplicates left cpu_us/msg (USERS=$USERS PER=$PER BODY=$BODY)"
for _ in $(seq "$RUNS"); do
  for peer in $PEERS; do
    # shellcheck disable=SC2086
    peer_up "$peer" && one "kamailio-$peer" "$PEERPORT" peer_left "$peer" -- $PEERPIDS
    peer_down
  done
  ours_up && one ours "$OURPORT" ours_left -- "$OURPID"
  ours_down
done
python3 summary.py deliver "$RESULTS"
