#!/usr/bin/env bash
# Durable store rate: SIP MESSAGE to absent users over UDP, 202 only after the flush; ours and Kamailio with msilo in turn.
#   ./bench/compare-store.sh
# Env: PEERS="sqlite-wal:1 pg:16" (STORE:children, STORE of sqlite sqlite-wal pg none)  BODIES=1024  CONC=32  RUNS=3  SECS=5  USERS=1000
#      WARM=4 seconds of load first, on every server, which are not counted
#      SYNCS=1 adds one short run each under strace, counting sync calls per message.
# Kamailio on SQLite runs one child: with more, commits fail with "database is locked" and messages are refused.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
need kamailio sqlite3 psql cc python3 ss
PEERS=${PEERS:-sqlite-wal:1 pg:16} BODIES=${BODIES:-1024} CONC=${CONC:-32} RUNS=${RUNS:-3} SECS=${SECS:-5} USERS=${USERS:-1000} WARM=${WARM:-4}
RESULTS=$WORKDIR/results
: >"$RESULTS"

one() { # name port body pid...
  local name=$1 port=$2 body=$3 idle sectors ticks json ok
  shift 3
  idle=$(ram_kib "$@")
  siploop store 127.0.0.1 "$port" 1000000 "$CONC" "$body" "$USERS" "$WARM" >/dev/null
  sync
  sectors=$(dev_sectors) ticks=$(cpu_ticks "$@")
  json=$(siploop store 127.0.0.1 "$port" 2000000 "$CONC" "$body" "$USERS" "$SECS")
  ticks=$(($(cpu_ticks "$@") - ticks))
  sync
  sectors=$(($(dev_sectors) - sectors))
  ok=$(jget "$json" ok)
  [ "$ok" -gt 0 ] || ok=1
  # shellcheck disable=SC2046
  echo "$name $body" $(jget "$json" rate p50 p99 bad retrans) "$((ticks * 10000 / ok)) $((sectors * 512 / ok)) $idle $(ram_kib "$@") $(pss_kib "$@")" | tee -a "$RESULTS"
}

echo '# name body rate/s p50ms p99ms refused retrans cpu_us/msg devbytes/msg ram_idle_KiB ram_loaded_KiB pss_KiB'
for _ in $(seq "$RUNS"); do
  for body in $BODIES; do
    for peer in $PEERS; do
      # shellcheck disable=SC2086
      peer_up "$peer" && one "kamailio-$peer" "$PEERPORT" "$body" $PEERPIDS
      peer_down
    done
    ours_up && one ours "$OURPORT" "$body" "$OURPID"
    ours_down
  done
done

counted() { # name port pid...
  local name=$1 port=$2 json
  shift 2
  syncs_start "$WORKDIR/syncs" "$@"
  json=$(siploop store 127.0.0.1 "$port" 2000000 "$CONC" 1024 "$USERS" 4)
  syncs_stop "$WORKDIR/syncs"
  python3 -c 'import sys; n=int(sys.argv[3]); print(f"{sys.argv[1]} syncs={sys.argv[2]} messages={n} per_message={int(sys.argv[2])/max(1,n):.3f}")' "$name" "$SYNCS" "$(jget "$json" ok)"
}
if [ -n "${SYNCS:-}" ]; then
  need strace
  echo '# sync calls per stored message (under strace, so slower)'
  for peer in $PEERS; do
    # shellcheck disable=SC2086
    peer_up "$peer" && counted "kamailio-$peer" "$PEERPORT" $PEERPIDS
    peer_down
  done
  ours_up && counted ours "$OURPORT" "$OURPID"
  ours_down
fi

python3 summary.py store "$RESULTS"
