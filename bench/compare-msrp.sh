#!/usr/bin/env bash
# MSRP: how fast a large message is taken into custody, beside Kamailio's relay forwarding the same stream to a receiver that stores
# nothing; flushes for it; RAM while many come at once; how fast one is pushed, beside a socket alone and the disk.
#   ./bench/compare-msrp.sh
# Env: PARTS="receive flushes ram push"  RUNS=3  MB=100  CHUNK=2048  WINDOW=64 (unanswered chunks)  SMALL=20000 of SIZE=1024 (whole
#      messages, one chunk each)  PIECE=200 (octets of a chunk; as many chunks as SMALL, one message)  SESSIONS=10 (ram)  CHILDREN=2 (TCP
#      workers of the relay)
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
need kamailio cc python3 ss strace
PARTS=${PARTS:-receive flushes ram push} RUNS=${RUNS:-3} MB=${MB:-100} CHUNK=${CHUNK:-2048} WINDOW=${WINDOW:-64} SMALL=${SMALL:-20000}
SIZE=${SIZE:-1024} PIECE=${PIECE:-200} SESSIONS=${SESSIONS:-10} CHILDREN=${CHILDREN:-2}
USERS=$((20 + SESSIONS))
RESULTS=$WORKDIR/results
has() { case " $PARTS " in *" $1 "*) ;; *) return 1 ;; esac; }

# One user for each case, so that no mailbox grows from case to case.
custody() { msrploop custody 127.0.0.1 "$OURPORT" "$1" "$2" "$3" "$WINDOW" 1 "$4" 60; }
relayed() { msrploop relay 127.0.0.1 "$RELAYPORT" "$1" "$2" "$3" "$WINDOW" 1 60; }

# `rate`: MB/s of the large message, SENDs/s of the others.
case_of() { # name pid what user messages octets chunk -- command
  local name=$1 pid=$2 what=$3 user=$4 messages=$5 octets=$6 chunk=$7 run=$8 ticks json chunks rate
  ticks=$(cpu_ticks "$pid")
  json=$("$run" "$messages" "$octets" "$chunk" "$user")
  ticks=$(($(cpu_ticks "$pid") - ticks))
  [ -n "$json" ] || { echo "$name $what: no figure" >&2; return 1; }
  chunks=$((messages * ((octets + chunk - 1) / chunk)))
  rate=$(jget "$json" chunks)
  [ "$what" = large ] && rate=$(jget "$json" mbs)
  # shellcheck disable=SC2046
  echo "$name $what $rate" $(jget "$json" chunks p50 p99 bad) "$(python3 -c 'import sys; print(round(int(sys.argv[1]) * 1e4 / int(sys.argv[2]), 1))' "$ticks" "$chunks") $(ram_kib "$pid")" | tee -a "$RESULTS"
}
cases() { # name pid command
  "$3" 1 $((MB * 300000)) "$CHUNK" 1 >/dev/null
  "$3" $((SMALL / 4)) "$SIZE" "$CHUNK" 2 >/dev/null
  case_of "$1" "$2" large 3 1 $((MB * 1000000)) "$CHUNK" "$3"
  case_of "$1" "$2" messages 4 "$SMALL" "$SIZE" "$CHUNK" "$3"
  case_of "$1" "$2" chunks 5 1 $((SMALL * PIECE)) "$PIECE" "$3"
}

if has receive; then
  : >"$RESULTS"
  echo "# Receiving. large: one of $MB MB in chunks of $CHUNK, MB/s; messages: $SMALL of $SIZE octets, SENDs/s; chunks: one of $SMALL chunks of $PIECE, SENDs/s"
  echo '# name case rate SENDs/s p50ms p99ms refused cpu_us/SEND ram_KiB'
  for _ in $(seq "$RUNS"); do
    relay_up "$CHILDREN" && cases kamailio-relay "$RELAYPID" relayed
    relay_down
    ours_up && cases ours "$OURPID" custody
    ours_down
    rm -rf "$OURDIR"
  done
  python3 summary.py receive "$RESULTS"
fi

flushes() { # what messages octets chunk user
  local json
  flushes_start "$WORKDIR/flushes" "$OURPID"
  json=$(custody "$2" "$3" "$4" "$5")
  flushes_stop "$WORKDIR/flushes"
  python3 -c 'import sys
what, syncs, roots, messages, octets, chunk, ok = sys.argv[1], *map(int, sys.argv[2:])
sends = messages * -(-octets // chunk)
print(f"{what} messages={ok} SENDs={sends} fdatasync={syncs} root_page={roots} fdatasync/message={syncs / max(1, ok):.3f} fdatasync/SEND={syncs / sends:.5f} octets/fdatasync={ok * octets // max(1, syncs)}")' \
    "$1" "$SYNCS" "$ROOTWRITES" "$2" "$3" "$4" "$(jget "$json" ok)"
}
if has flushes; then
  echo
  echo '# Flushes (under strace, so slower). root_page: written through O_DSYNC, a second flush of each commit that is no call of its own'
  ours_up && {
    custody 1 $((MB * 100000)) "$CHUNK" 1 >/dev/null
    flushes large 1 $((MB * 1000000)) "$CHUNK" 2
    flushes messages "$((SMALL / 4))" "$SIZE" "$CHUNK" 3
    flushes chunks 1 $((SMALL * PIECE)) "$PIECE" 4
  }
  ours_down
  rm -rf "$OURDIR"
fi

sample() { # file pid: VmRSS RssAnon RssFile, in KiB, ten times a second
  while [ -d "/proc/$2" ]; do
    awk '/^(VmRSS|RssAnon|RssFile):/ { printf "%s ", $2 } END { print "" }' "/proc/$2/status"
    sleep 0.1
  done >"$1" 2>/dev/null
}
ram() {
  local sampler json
  # Warm: as many senders at once, and what the box needs for a long run of them is there.
  msrploop custody 127.0.0.1 "$OURPORT" 1 $((MB * 300000)) "$CHUNK" "$WINDOW" "$SESSIONS" 1 120 >/dev/null
  sample "$WORKDIR/ram" "$OURPID" &
  sampler=$!
  STARTED+=("$sampler")
  json=$(msrploop custody 127.0.0.1 "$OURPORT" 1 $((MB * 1000000)) "$CHUNK" "$WINDOW" "$SESSIONS" 11 120)
  stop_pid "$sampler"
  python3 -c 'import sys
rows = [[int(word) for word in line.split()] for line in open(sys.argv[1])]
rows = [row for row in rows if len(row) == 3]
for name, column in zip(("RSS", "RssAnon", "RssFile"), zip(*rows)):
    low, high = min(column) / 1024, max(column) / 1024
    middle = (low + high) / 2
    print(f"{name}: {low:.1f} to {high:.1f} MiB, {middle:.1f} +- {high - middle:.1f} ({len(column)} samples)")' "$WORKDIR/ram"
  echo "in custody: $(jget "$json" ok) of $SESSIONS, $(jget "$json" mbs) MB/s together, refused $(jget "$json" bad)"
}
if has ram; then
  echo
  echo "# RAM while $SESSIONS messages of $MB MB come at once, after $SESSIONS of a third of the size did"
  for _ in $(seq "$RUNS"); do
    ours_up && ram
    ours_down
    rm -rf "$OURDIR"
  done
fi

uncached() { dd of="$1" oflag=nocache conv=notrunc,fdatasync count=0 status=none; }
pushed() {
  local data=$OURDIR/data/mailbox/data.mdb ticks json
  custody 1 $((MB * 300000)) "$CHUNK" 1 >/dev/null && custody 1 $((MB * 1000000)) "$CHUNK" 2 >/dev/null || return 1
  # Read from the disk, not from the page cache: a box that was started again, and the file dropped from memory.
  ours_down
  uncached "$data"
  ours_serve || return 1
  msrploop push 127.0.0.1 "$OURPORT" 1 60 >/dev/null
  uncached "$data"
  ticks=$(cpu_ticks "$OURPID")
  json=$(msrploop push 127.0.0.1 "$OURPORT" 2 60)
  ticks=$(($(cpu_ticks "$OURPID") - ticks))
  [ "$(jget "$json" ok)" = 1 ] || echo "not pushed: $json" >&2
  echo "ours push $(jget "$json" mbs) $((ticks * 10000 / MB))" | tee -a "$RESULTS"
  echo "disk push $(LC_ALL=C dd if="$data" of=/dev/null bs=1M count="$MB" iflag=direct 2>&1 | python3 -c 'import re, sys
text = sys.stdin.read(); print(round(int(re.search(r"(\d+) bytes", text)[1]) / 1e6 / float(re.search(r"([\d.]+) s,", text)[1]), 1))') -" | tee -a "$RESULTS"
}
if has push; then
  : >"$RESULTS"
  echo
  echo "# Push of one message of $MB MB, MB/s: ours, from the disk; an MSRP sender of the load generator that has it in memory; a socket alone; the disk read from end to end"
  echo '# name case rate cpu_us/MB'
  for _ in $(seq "$RUNS"); do
    ours_up && pushed
    ours_down
    rm -rf "$OURDIR"
    echo "msrp-from-memory push $(jget "$(msrploop relay 127.0.0.1 0 1 $((MB * 1000000)) 65536 4 1 60)" mbs) -" | tee -a "$RESULTS"
    echo "socket push $(jget "$(msrploop raw $((MB * 10000000)) 65536)" mbs) -" | tee -a "$RESULTS"
  done
  python3 summary.py push "$RESULTS"
fi
