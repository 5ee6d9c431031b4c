# Shared by the comparisons; sourced, never run. Everything started is remembered by pid and stopped by pid at the end.
BENCH=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
ROOT=$(dirname "$BENCH")
. "$ROOT/scripts/lib/env.sh"
set +eu
cd "$BENCH" || exit 1
WORKDIR=$(mktemp -d -t restante-bench.XXXXXX) # honours TMPDIR, which must be on a real disk: on tmpfs a flush costs nothing
chmod 755 "$WORKDIR"
STARTED=()
PGDIR=

need() {
  local program missing=
  for program in "$@"; do command -v "$program" >/dev/null 2>&1 || missing="$missing $program"; done
  [ -z "$missing" ] || { echo "Missing:$missing. Install: apt-get install kamailio kamailio-sqlite-modules kamailio-postgres-modules kamailio-extra-modules postgresql sqlite3 sip-tester strace gcc libc6-dev python3 iproute2" >&2; exit 2; }
}

# ---- measuring processes: a pid stands for its whole tree

tree() {
  local p
  for p in "$@"; do
    [ -d "/proc/$p" ] || continue
    echo "$p"
    # shellcheck disable=SC2046
    tree $(cat /proc/"$p"/task/*/children 2>/dev/null)
  done
}

smaps_kib() { # pattern pid...
  local pattern=$1 p sum=0 v
  shift
  for p in $(tree "$@"); do
    v=$(awk -v pattern="$pattern" '$0 ~ pattern { x += $2 } END { print x + 0 }' "/proc/$p/smaps_rollup" 2>/dev/null)
    sum=$((sum + ${v:-0}))
  done
  echo "$sum"
}
pss_kib() { smaps_kib '^Pss:' "$@"; }
# RAM that is not page cache; the file pages of an LMDB map are reclaimable and count in PSS only.
ram_kib() { smaps_kib '^Pss_(Anon|Shmem):' "$@"; }

cpu_ticks() {
  local p sum=0 v
  for p in $(tree "$@"); do
    v=$(sed 's/.*) //' "/proc/$p/stat" 2>/dev/null | awk '{ print $12 + $13 }')
    sum=$((sum + ${v:-0}))
  done
  echo "$sum"
}

# Sectors of the device under WORKDIR: everybody's writes, so measure on an idle disk. /proc/PID/io is of no use: with large
# folios one small write counts the folio.
dev_sectors() {
  local device
  device=$(df --output=source "$WORKDIR" | tail -1)
  awk -v device="${device##*/}" '$3 == device { print $10 }' /proc/diskstats
}

syncs_start() { # file pid...
  local file=$1 args=() p
  shift
  for p in $(tree "$@"); do args+=(-p "$p"); done
  strace -f -c -o "$file" -e trace=fsync,fdatasync,msync,sync_file_range "${args[@]}" 2>/dev/null &
  STRACEPID=$!
  STARTED+=("$STRACEPID")
  sleep 1
}
syncs_stop() { # file -> SYNCS
  kill -INT "$STRACEPID" 2>/dev/null
  wait "$STRACEPID" 2>/dev/null
  SYNCS=$(awk '$NF ~ /^(fsync|fdatasync|msync|sync_file_range)$/ { s += $4 } END { print s + 0 }' "$1")
}

# LMDB flushes twice in a commit: its pages by fdatasync, then its root page by a write to a descriptor opened with O_DSYNC.
flushes_start() { # file pid
  local file=$1 pid=$2 fd
  DSYNC_FDS=
  for fd in /proc/"$pid"/fdinfo/*; do
    (($(awk '/^flags:/ { print $2 }' "$fd" 2>/dev/null || echo 0) & 010000)) && DSYNC_FDS="$DSYNC_FDS ${fd##*/}"
  done
  strace -f -o "$file" -e trace=fsync,fdatasync,msync,pwrite64,pwritev -p "$pid" 2>/dev/null &
  STRACEPID=$!
  STARTED+=("$STRACEPID")
  sleep 1
}
flushes_stop() { # file -> SYNCS ROOTWRITES
  kill -INT "$STRACEPID" 2>/dev/null
  wait "$STRACEPID" 2>/dev/null
  # A call that another thread interrupts takes two lines, the second of which says "resumed".
  SYNCS=$(grep -cE '^[0-9]+ +(fsync|fdatasync|msync)\(' "$1")
  ROOTWRITES=$(grep -cE "^[0-9]+ +pwrite(64|v)\(($(echo $DSYNC_FDS | tr ' ' '|'))," "$1")
}

# ---- starting and stopping

wait_port() { # udp|tcp port pid
  local flag=-lun i
  [ "$1" = tcp ] && flag=-ltn
  for i in $(seq 1 150); do
    ss $flag 2>/dev/null | grep -q ":$2 " && return 0
    [ -d "/proc/$3" ] || return 1
    sleep 0.1
  done
  return 1
}

stop_pid() {
  local p=$1 i children
  children=$(tree "$p")
  kill "$p" 2>/dev/null
  for i in $(seq 1 60); do [ -d "/proc/$p" ] || break; sleep 0.1; done
  for i in $children; do [ -d "/proc/$i" ] && kill -9 "$i" 2>/dev/null; done
  wait "$p" 2>/dev/null
  return 0
}

bench_cleanup() {
  local p
  for p in "${STARTED[@]}"; do stop_pid "$p"; done
  pg_stop
  [ -n "${KEEP:-}" ] || rm -rf "$WORKDIR"
}
trap bench_cleanup EXIT
trap 'exit 130' INT TERM

free_port() { echo $((20000 + RANDOM % 8000)); }

# ---- ours: a box of its own with USERS accounts and no digest, as the peers run without -> OURPORT, OURPID

ours_up() {
  local dir=$WORKDIR/ours-$RANDOM i msrp
  mkdir -p "$dir"
  OURPORT=$(free_port)
  msrp=$((OURPORT + 9000))
  {
    printf 'domain = "127.0.0.1"\nhostname = "127.0.0.1"\ndata_dir = "%s/data"\n' "$dir"
    printf '[listen]\nsip_udp = "127.0.0.1:%s"\nsip_tcp = "127.0.0.1:%s"\nmsrp_tcp = "127.0.0.1:%s"\nhttp = "%s"\n' "$OURPORT" "$OURPORT" "$msrp" "${OURS_HTTP:+127.0.0.1:$OURS_HTTP}"
    printf '[auth]\ndigest = false\ntrusted_peers = [%s]\n[history]\nactive_default = %s\n[deferral]\nquota_messages = 1000000\nquota_bytes = 17179869184\n' "${OURS_TRUSTS:-}" "${OURS_HISTORY:-false}"
    for i in $(seq 1 "${USERS:-1000}"); do printf '[[user]]\naor = "sip:user%s@127.0.0.1"\npassword = "x"\n' "$i"; done
  } >"$dir/restante.toml"
  OURDIR=$dir
  ours_serve
}
ours_serve() { # again, after ours_down, with what is stored -> OURPID
  "$ROOT/scripts/restante" serve --config "$OURDIR/restante.toml" >"$OURDIR/out" 2>"$OURDIR/log" &
  OURPID=$!
  STARTED+=("$OURPID")
  wait_port udp "$OURPORT" "$OURPID" || { echo 'ours did not start:' >&2; tail -n 5 "$OURDIR/log" "$OURDIR/out" >&2; return 1; }
}
ours_down() { stop_pid "$OURPID"; }
ours_left() { "$ROOT/scripts/restante" queue --json --config "$OURDIR/restante.toml" 2>/dev/null | python3 -c 'import json,sys
boxes = json.load(sys.stdin); print(sum(b["count"] for b in (boxes if isinstance(boxes, list) else boxes.get("mailboxes", []))))' 2>/dev/null || echo -; }

# ---- PostgreSQL: its own cluster, stock durability (fsync and synchronous_commit on)

as_pg() { if [ "$(id -u)" = 0 ]; then runuser -u postgres -- "$@"; else "$@"; fi; }
pg_start() {
  local port=$1 bin
  bin=$(pg_config --bindir 2>/dev/null || ls -d /usr/lib/postgresql/*/bin | tail -1)
  PGDIR=$WORKDIR/pg
  PGPORT_=$port
  mkdir -p "$PGDIR"
  [ "$(id -u)" = 0 ] && chown postgres "$PGDIR"
  (cd "$WORKDIR" && as_pg "$bin/initdb" -D "$PGDIR/data" -A trust -U kam >/dev/null 2>&1 &&
    as_pg "$bin/pg_ctl" -D "$PGDIR/data" -l "$PGDIR/log" -w -o "-p $port -c listen_addresses=127.0.0.1 -c unix_socket_directories=$PGDIR" start >/dev/null) || return 1
  PGPID=$(head -1 "$PGDIR/data/postmaster.pid")
  psql -q -h 127.0.0.1 -p "$port" -U kam -d postgres -c 'create database kam' &&
    psql -q -h 127.0.0.1 -p "$port" -U kam -d kam -f kamailio/silo-postgres.sql >/dev/null
}
pg_stop() {
  local bin
  [ -n "$PGDIR" ] || return 0
  bin=$(pg_config --bindir 2>/dev/null || ls -d /usr/lib/postgresql/*/bin | tail -1)
  (cd "$WORKDIR" && as_pg "$bin/pg_ctl" -D "$PGDIR/data" -m immediate stop >/dev/null 2>&1)
  rm -rf "$PGDIR"
  PGDIR=
}

# ---- Kamailio with msilo; STORE is sqlite, sqlite-wal, pg or none (202 without storing: the load generator's ceiling) -> KPID

kam_start() { # STORE port children
  local store=$1 port=$2 children=$3 dir=$WORKDIR/kam-$1-$RANDOM args=()
  mkdir -p "$dir"
  KFILE=
  case $store in
    none) args=(-A WITH_NONE) ;;
    sqlite | sqlite-wal)
      KFILE=$dir/silo.db
      sqlite3 "$KFILE" <kamailio/silo-sqlite.sql
      args=(-A WITH_SQLITE -A "KDBURL=\"sqlite:///$KFILE\"")
      [ "$store" = sqlite-wal ] && args+=(-A WITH_WAL -A "KSQLITEWAL=\"$KFILE=WAL\"")
      ;;
    pg) args=(-A WITH_PG -A "KDBURL=\"postgres://kam:kam@127.0.0.1:$PGPORT_/kam\"") ;;
  esac
  kamailio -f kamailio/kamailio-msilo.cfg -DD -E -Y "$dir" -P "$dir/pid" -m 512 -M 32 \
    -A "KLISTEN=udp:127.0.0.1:$port" -A "KCHILDREN=$children" "${args[@]}" >"$dir/log" 2>&1 &
  KPID=$!
  STARTED+=("$KPID")
  wait_port udp "$port" "$KPID" && sleep 0.5 && [ -d "/proc/$KPID" ] || { echo 'kamailio did not start:' >&2; tail -5 "$dir/log" >&2; return 1; }
}

peer_up() { # STORE:children -> PEERPORT PEERPIDS
  local store=${1%%:*} children=${1##*:}
  PEERPORT=$(free_port)
  PEERPIDS=
  if [ "$store" = pg ]; then pg_start $((PEERPORT + 9000)) || return 1; PEERPIDS=$PGPID; fi
  kam_start "$store" "$PEERPORT" "$children" || return 1
  PEERPIDS="$KPID $PEERPIDS"
}
peer_down() { stop_pid "$KPID"; pg_stop; }
peer_left() { # STORE:children
  case $1 in
    sqlite*) sqlite3 -cmd '.timeout 3000' "$KFILE" 'select count(*) from silo' 2>/dev/null ;;
    pg*) psql -qAt -h 127.0.0.1 -p "$PGPORT_" -U kam -d kam -c 'select count(*) from silo' ;;
    *) echo - ;;
  esac
}

# ---- Kamailio as an MSRP relay, which stores nothing -> RELAYPORT RELAYPID

relay_up() { # workers
  local dir=$WORKDIR/relay-$RANDOM
  mkdir -p "$dir"
  RELAYPORT=$(free_port)
  kamailio -f kamailio/kamailio-msrp.cfg -DD -E -Y "$dir" -P "$dir/pid" -m 512 -M 32 \
    -A "KLISTEN=tcp:127.0.0.1:$RELAYPORT" -A "KCHILDREN=$1" >"$dir/log" 2>&1 &
  RELAYPID=$!
  STARTED+=("$RELAYPID")
  wait_port tcp "$RELAYPORT" "$RELAYPID" && sleep 0.5 && [ -d "/proc/$RELAYPID" ] || { echo 'the relay did not start:' >&2; tail -5 "$dir/log" >&2; return 1; }
}
relay_down() { stop_pid "$RELAYPID"; }

# ---- the load generators

msrploop() {
  [ -x "$WORKDIR/msrploop" ] || cc -O2 -o "$WORKDIR/msrploop" c/msrploop.c || return 1
  timeout 130 "$WORKDIR/msrploop" "$@"
}
siploop() {
  [ -x "$WORKDIR/siploop" ] || cc -O2 -o "$WORKDIR/siploop" c/siploop.c || return 1
  timeout 130 "$WORKDIR/siploop" "$@"
}
jget() { python3 -c 'import json,sys; d=json.loads(sys.argv[1]); print(*[d[k] for k in sys.argv[2:]])' "$@"; }
