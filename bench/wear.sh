#!/usr/bin/env bash
# What a message costs the flash: bytes that reach the device for each message that is stored, and for its whole life (stored, pushed,
# confirmed, removed), beside an append-only log that takes as many records of the body's size, flushed by fdatasync before any is
# answered, with as many outstanding. On a file system of its own (ext4 on a loop device), whose counter counts nobody else.
#   ./bench/wear.sh          (as root)
# Env: CONCS="1 4 16 32 64"  BODIES="1024 0"  HISTORIES="off receivers"  MESSAGES=3000 at 16 outstanding and more, fewer below
#      USERS=1000  PROGRAM=FILE the binary instead of the source. The target at 32: under 6 times the log.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
need cc python3 ss losetup mkfs.ext4
CONCS=${CONCS:-1 4 16 32 64} BODIES=${BODIES:-1024 0} HISTORIES=${HISTORIES:-off receivers} MESSAGES=${MESSAGES:-3000} USERS=${USERS:-1000}
PROGRAM=${PROGRAM:-$ROOT/scripts/restante}
# The request without its body, which a log would have to keep where there is none.
HEAD_BYTES=450
MOUNT=$WORKDIR/disk LOOP=

disk_up() {
  truncate -s 1G "$WORKDIR/image" && mkfs.ext4 -q -F "$WORKDIR/image" && mkdir -p "$MOUNT" || exit 1
  LOOP=$(losetup -f --show "$WORKDIR/image") && mount -o noatime "$LOOP" "$MOUNT" || { echo 'A loop device and mount(8) need root.' >&2; exit 2; }
  # What ext4 puts off at its making would be counted as ours.
  sleep 3
  sync -f "$MOUNT"
}
disk_down() {
  umount "$MOUNT" 2>/dev/null
  [ -z "$LOOP" ] || losetup -d "$LOOP"
}
trap 'for p in "${STARTED[@]}"; do stop_pid "$p"; done; disk_down; bench_cleanup' EXIT
device_bytes() { sync -f "$MOUNT"; awk '{ printf "%.0f", $7 * 512 }' "/sys/block/${LOOP##*/}/stat"; }

box_up() { # histories -> OURPID
  rm -rf "$MOUNT/data"
  mkdir "$MOUNT/data"
  OURPORT=$(free_port)
  cat >"$WORKDIR/restante.toml" <<TOML
domain = "127.0.0.1"
hostname = "127.0.0.1"
data_dir = "$MOUNT/data"
[listen]
sip_udp = "127.0.0.1:$OURPORT"
sip_tcp = ""
msrp_tcp = "127.0.0.1:$((OURPORT + 9000))"
http = ""
[auth]
digest = false
trusted_peers = ["127.0.0.1/32"]
[history]
active_default = $([ "$1" = off ] && echo false || echo true)
[deferral]
quota_messages = 1000000
TOML
  "$node" "$BENCH/memory.ts" accounts "$MOUNT/data" "$USERS" || return 1
  "$PROGRAM" serve --config "$WORKDIR/restante.toml" >"$WORKDIR/out" 2>"$WORKDIR/log" &
  OURPID=$!
  STARTED+=("$OURPID")
  wait_port udp "$OURPORT" "$OURPID" || { tail -n 5 "$WORKDIR/log" >&2; return 1; }
  sleep 1
}

one() { # histories body conc
  local count=$MESSAGES before stored delivered log json size=$2 ok
  [ "$size" -gt 0 ] || size=$HEAD_BYTES
  [ "$3" -ge 16 ] || count=$((MESSAGES * $3 / 16))
  before=$(device_bytes)
  "$node" "$BENCH/wear.ts" "$MOUNT/log" "$3" "$count" "$size" || exit 1
  log=$(($(device_bytes) - before))
  rm -f "$MOUNT/log"
  export SENDERS=outside
  box_up "$1" || exit 1
  # As of a box that has something waiting.
  siploop store 127.0.0.1 "$OURPORT" "$USERS" 32 "$2" "$USERS" 60 >/dev/null
  before=$(device_bytes)
  json=$(siploop store 127.0.0.1 "$OURPORT" "$count" "$3" "$2" "$USERS" 60)
  stored=$(($(device_bytes) - before))
  ok=$(jget "$json" ok)
  before=$(device_bytes)
  json=$(siploop deliver 127.0.0.1 "$OURPORT" $((ok + USERS)) "$3" "$USERS" 60)
  sleep 1
  delivered=$(($(device_bytes) - before))
  stop_pid "$OURPID"
  python3 - "$1" "$2" "$3" "$ok" "$log" "$stored" "$delivered" "$(jget "$json" delivered)" "$count" <<'PY'
import sys
history, body, conc = sys.argv[1:4]
ok, log, stored, delivered, gone, count = map(int, sys.argv[4:])
log, stored = log / count, stored / max(1, ok)
life = stored + delivered / max(1, gone)
print(f'{history:10} {body:>5} {conc:>5} {log:8.0f} {stored:8.0f} {stored / log:6.1f} {life:8.0f} {life / log:6.1f}')
PY
}

disk_up
echo '# histories body conc  log B/msg  store B/msg  times  life B/msg  times'
for history in $HISTORIES; do
  for body in $BODIES; do
    for conc in $CONCS; do one "$history" "$body" "$conc"; done
  done
done
