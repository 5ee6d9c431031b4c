#!/usr/bin/env bash
# Whether all of it goes into the memory of a small board: a box under a hard limit of memory (its own and the page cache that it fills) takes
# 100,000 messages for 10,000 users who are away, has all 10,000 register with clients that cannot take messages now, hands hundreds of
# messages to one user, takes a large message, shows its pages, writes a backup, checks it as for a restore, and is started again with all that waits. After each
# step: the memory of the process by kind, what the group holds now and held at most, how often the limit made the kernel search for pages,
# pages read from flash again (major faults), and how often nothing was left (must be 0).
#   ./bench/memory.sh
# Env: LIMIT_MB=128 (0: none)  USERS=10000  MESSAGES=100000  BODY=1024  LARGE_MB=100  STREAMS=2000 of the users registered over TCP
#      RATE=0 registrations a second (0: all at once, as fast as they are answered)
#      PROGRAM=FILE the binary instead of the source
# A limit needs root, and memory control groups (version 1 or 2) in which this shell may make one.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
need cc python3 ss
LIMIT_MB=${LIMIT_MB:-128} USERS=${USERS:-10000} MESSAGES=${MESSAGES:-100000} BODY=${BODY:-1024} LARGE_MB=${LARGE_MB:-100} STREAMS=${STREAMS:-2000} RATE=${RATE:-0}
PROGRAM=${PROGRAM:-$ROOT/scripts/restante}
GROUP=

group_make() { # a group below the one that this shell is in -> GROUP
  local own
  [ "$LIMIT_MB" -gt 0 ] || return 0
  own=$(awk -F: '$2 == "memory" { print $3 }' /proc/self/cgroup)
  if [ -n "$own" ]; then
    GROUP=/sys/fs/cgroup/memory$own/restante-bench-$$
    mkdir "$GROUP" && echo $((LIMIT_MB << 20)) >"$GROUP/memory.limit_in_bytes" && return 0
  else
    GROUP=/sys/fs/cgroup$(awk -F: '$1 == 0 { print $3 }' /proc/self/cgroup)/restante-bench-$$
    mkdir "$GROUP" && echo $((LIMIT_MB << 20)) >"$GROUP/memory.max" && { echo 0 >"$GROUP/memory.swap.max" 2>/dev/null; return 0; }
  fi
  echo 'no memory control group can be made here; LIMIT_MB=0 measures without a limit' >&2
  exit 2
}
group_end() { [ -z "$GROUP" ] || for _ in $(seq 20); do rmdir "$GROUP" 2>/dev/null && break; sleep 0.1; done; }
trap 'bench_cleanup; group_end' EXIT

box_up() { # -> OURPID, READY_MS from exec to the line that it serves, READY_CPU_MS
  local begun now
  : >"$OURDIR/log"
  begun=$(date +%s%N)
  sh -c '[ -z "$1" ] || echo $$ >"$1/cgroup.procs"; shift; exec "$@"' - "$GROUP" "$PROGRAM" serve --config "$OURDIR/restante.toml" >>"$OURDIR/out" 2>"$OURDIR/log" &
  OURPID=$!
  STARTED+=("$OURPID")
  until grep -q '"msg":"serving"' "$OURDIR/log"; do
    [ -d "/proc/$OURPID" ] || { tail -n 5 "$OURDIR/log" >&2; dmesg 2>/dev/null | tail -n 3 >&2; return 1; }
    sleep 0.01
  done
  now=$(date +%s%N)
  READY_MS=$(((now - begun) / 1000000)) READY_CPU_MS=$(($(cpu_ticks "$OURPID") * 10))
}

mib() { awk -v key="$1:" '$1 == key { printf "%.1f", $2 / 1024 }' "/proc/$OURPID/status"; }
group_of() { # what: peak, failures, cache
  [ -n "$GROUP" ] || { echo -; return; }
  case $1 in
    now) awk '{ printf "%.0f", $1 / 1048576 }' "$GROUP/memory.usage_in_bytes" 2>/dev/null || awk '{ printf "%.0f", $1 / 1048576 }' "$GROUP/memory.current" ;;
    most) awk '{ printf "%.0f", $1 / 1048576 }' "$GROUP/memory.max_usage_in_bytes" 2>/dev/null || awk '{ printf "%.0f", $1 / 1048576 }' "$GROUP/memory.peak" ;;
    pressed) cat "$GROUP/memory.failcnt" 2>/dev/null || awk '$1 == "max" { print $2 }' "$GROUP/memory.events" ;;
    killed) awk '$1 == "oom_kill" { print $2 }' "$GROUP/memory.oom_control" 2>/dev/null || awk '$1 == "oom_kill" { print $2 }' "$GROUP/memory.events" ;;
  esac
}
LAST_CPU=0
row() { # name: one line of the table
  local cpu
  [ -d "/proc/$OURPID" ] || { echo "the box ended in: $1" >&2; tail -n 3 "$OURDIR/log" >&2; exit 1; }
  cpu=$(cpu_ticks "$OURPID")
  printf '%-44s %8s %8s %8s %6s %6s %9s %8s %7s %8s\n' "$1" "$(mib RssAnon)" "$(mib RssFile)" "$(mib VmHWM)" "$(group_of now)" "$(group_of most)" "$(group_of pressed)" "$(sed 's/.*) //' "/proc/$OURPID/stat" | cut -d" " -f10)" "$(group_of killed)" "$(((cpu - LAST_CPU) * 10))"
  LAST_CPU=$cpu
}
must() { "$@" || { echo "did not work: $*" >&2; tail -n 3 "$OURDIR/log" >&2; exit 1; }; }

OURDIR=$WORKDIR/box OURPORT=$(free_port)
HTTP=$((OURPORT + 9000)) MSRP=$((OURPORT + 18000))
mkdir -p "$OURDIR/data"
cat >"$OURDIR/restante.toml" <<TOML
domain = "127.0.0.1"
hostname = "127.0.0.1"
data_dir = "$OURDIR/data"
[listen]
sip_udp = "127.0.0.1:$OURPORT"
sip_tcp = "127.0.0.1:$OURPORT"
msrp_tcp = "127.0.0.1:$MSRP"
http = "127.0.0.1:$HTTP"
[auth]
digest = false
trusted_peers = ["127.0.0.1/32"]
[deferral]
quota_messages = 100000
TOML
must "$node" "$BENCH/memory.ts" accounts "$OURDIR/data" "$USERS"
group_make
box_up || exit 1
printf '%-44s %8s %8s %8s %6s %6s %9s %8s %7s %8s\n' 'MiB after' RssAnon RssFile 'peak RSS' group most pressed faults killed 'CPU ms'
row "start, $USERS accounts ($READY_MS ms, $READY_CPU_MS ms CPU)"
export SENDERS=outside
json=$(siploop store 127.0.0.1 "$OURPORT" "$MESSAGES" 32 "$BODY" "$USERS" 110)
[ "$(jget "$json" ok)" = "$MESSAGES" ] || echo "stored: $json" >&2
row "$(jget "$json" ok) messages stored"
json=$(siploop store 127.0.0.1 "$OURPORT" 500 32 "$BODY" 1 60)
"$node" "$BENCH/memory.ts" register "$OURPORT" "$USERS" "$STREAMS" "$RATE" >"$WORKDIR/registered" &
PHONES=$!
STARTED+=("$PHONES")
for _ in $(seq 2000); do [ -s "$WORKDIR/registered" ] && break; sleep 0.2; done
row "$(cat "$WORKDIR/registered"), $STREAMS over TCP"
sleep 20
row '20 s of pushes that all are refused'
unset SENDERS
json=$(siploop deliver 127.0.0.1 "$OURPORT" 500 1 1 30)
row "$(jget "$json" delivered) pushed to one user"
json=$(msrploop custody 127.0.0.1 "$OURPORT" 1 $((LARGE_MB * 1000000)) 2048 64 1 2 40)
row "large message of $LARGE_MB MB taken"
must "$node" "$BENCH/memory.ts" pages "$HTTP" "$OURDIR/out"
row 'pages: Status, users, queue, a search, support'
must "$node" "$BENCH/memory.ts" backup "$HTTP" "$WORKDIR/backup"
row 'backup'
must "$node" "$BENCH/memory.ts" restore "$HTTP" "$WORKDIR/backup"
row 'that backup uploaded and checked'
json=$(siploop store 127.0.0.1 "$OURPORT" 10000 32 "$BODY" "$USERS" 60)
row "$(jget "$json" ok) messages more"
stop_pid "$OURPID"
LAST_CPU=0
box_up || exit 1
row "start with all of it ($READY_MS ms, $READY_CPU_MS ms CPU)"
sleep 30
row 'half a minute later'
