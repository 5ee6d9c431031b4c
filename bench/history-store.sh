#!/usr/bin/env bash
# What a history costs the durable store path: SIP MESSAGE to absent users over UDP, 202 only after the flush; nobody keeps one, receivers
# do, and receivers and senders do, in turn. The target: at most 10 % slower.
#   ./bench/history-store.sh
# Env: BODIES="1024"  CONC=32  RUNS=5  SECS=5  USERS=1000  WARM=4 seconds of load first, on every box, which are not counted
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
need cc python3 ss
BODIES=${BODIES:-1024} CONC=${CONC:-32} RUNS=${RUNS:-5} SECS=${SECS:-5} USERS=${USERS:-1000} WARM=${WARM:-4}
OURS_TRUSTS='"127.0.0.1/32"'
RESULTS=$WORKDIR/results
: >"$RESULTS"

one() { # name body senders
  local name=$1 body=$2 sectors ticks json ok
  export SENDERS=$3
  siploop store 127.0.0.1 "$OURPORT" 1000000 "$CONC" "$body" "$USERS" "$WARM" >/dev/null
  sync
  sectors=$(dev_sectors) ticks=$(cpu_ticks "$OURPID")
  json=$(siploop store 127.0.0.1 "$OURPORT" 2000000 "$CONC" "$body" "$USERS" "$SECS")
  ticks=$(($(cpu_ticks "$OURPID") - ticks))
  sync
  sectors=$(($(dev_sectors) - sectors))
  ok=$(jget "$json" ok)
  [ "$ok" -gt 0 ] || ok=1
  # shellcheck disable=SC2046
  echo "$name $body" $(jget "$json" rate p50 p99 bad retrans) "$((ticks * 10000 / ok)) $((sectors * 512 / ok))" | tee -a "$RESULTS"
}

# Without a history the asserted senders are users here too, so that nothing differs but what is kept.
declare -A HISTORY=([off]=false [receivers]=true [both]=true)
declare -A SENT_BY=([off]=users [receivers]=outside [both]=users)
echo '# history body rate/s p50ms p99ms refused retrans cpu_us/msg devbytes/msg'
for run in $(seq "$RUNS"); do
  for body in $BODIES; do
    # Whoever is measured first finds the machine in another state: each is first in turn.
    case $((run % 3)) in 1) order="off receivers both" ;; 2) order="both off receivers" ;; *) order="receivers both off" ;; esac
    for name in $order; do
      OURS_HISTORY=${HISTORY[$name]}
      ours_up && one "$name" "$body" "${SENT_BY[$name]}"
      ours_down
    done
  done
done
python3 summary.py history "$RESULTS"
