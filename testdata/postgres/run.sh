#!/bin/sh
# Runs a command beside a private PostgreSQL server that is gone with it:
#   run.sh COMMAND [ARGUMENT...]
# The command finds the server by PAYCTL_TEST_POSTGRES (a URL of its owner), its data
# directory and its programs by PAYCTL_TEST_POSTGRES_DATA and _BIN. The package, and those
# of pgbouncer and nginx for the tests that need them, are installed where they are missing
# and apt is there; no service of theirs is started. PostgreSQL refuses to run as root: as
# root, the server is user postgres's or nobody's. PAYCTL_TEST_FSYNC=on for figures.
set -eu

bindir() {
	for d in ${PAYCTL_TEST_POSTGRES_BIN:-} $(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V -r) /usr/local/opt/postgresql/bin /opt/homebrew/opt/postgresql/bin; do
		if [ -x "$d/initdb" ] && [ -x "$d/postgres" ]; then echo "$d"; return; fi
	done
	return 1
}

if ! bin=$(bindir); then
	if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
		echo "run.sh: PostgreSQL's programs were not found, and cannot be installed from here" >&2
		exit 1
	fi
	export DEBIAN_FRONTEND=noninteractive
	apt-get update >/dev/null && apt-get install -y --no-install-recommends postgresql >/dev/null
	bin=$(bindir)
fi

for name in pgbouncer nginx; do
	PATH=$PATH:/usr/sbin command -v $name >/dev/null && continue
	if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
		package=$name
		[ $name = nginx ] && package=nginx-light
		RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $package >/dev/null 2>&1 ||
			echo "run.sh: $package cannot be installed; its tests are skipped" >&2
	fi
done

dir=$(mktemp -d "${TMPDIR:-/tmp}/payctl-pg.XXXXXX")
chmod 755 "$dir"
as() { "$@"; }
if [ "$(id -u)" = 0 ]; then
	user=nobody
	if id postgres >/dev/null 2>&1; then user=postgres; fi
	chown "$user" "$dir"
	as() { setpriv --reuid="$user" --regid="$(id -g "$user")" --clear-groups env HOME="$dir" "$@"; }
fi
data=$dir/data
stop() {
	as "$bin/pg_ctl" -D "$data" -m immediate -w stop >/dev/null 2>&1 || true
	rm -rf "$dir"
}
trap stop EXIT
trap 'exit 130' INT TERM

password=$(od -An -N12 -tx1 /dev/urandom | tr -d ' \n')
echo "$password" >"$dir/password"
chmod 644 "$dir/password"
as "$bin/initdb" -D "$data" -U payctl --auth=scram-sha-256 --pwfile="$dir/password" -E UTF8 --locale=C.UTF-8 --no-sync >"$dir/initdb.log"
rm -f "$dir/password"
as tee -a "$data/postgresql.conf" >/dev/null <<CONF
listen_addresses = '127.0.0.1'
unix_socket_directories = '$dir'
fsync = ${PAYCTL_TEST_FSYNC:-off}
max_connections = 300
max_pred_locks_per_transaction = 256
wal_level = replica
log_min_messages = error
CONF

# The server cannot be asked for a free port: try some.
for _ in 1 2 3 4 5 6 7 8 9 10; do
	port=$((20000 + $(od -An -N2 -tu2 /dev/urandom) % 12000))
	if as "$bin/pg_ctl" -D "$data" -l "$dir/server.log" -o "-p $port" -w -t 60 start >/dev/null 2>&1; then started=1; break; fi
done
if [ -z "${started:-}" ]; then
	cat "$dir/server.log" >&2
	exit 1
fi

export PAYCTL_TEST_POSTGRES="postgres://payctl:$password@127.0.0.1:$port/postgres?sslmode=disable"
export PAYCTL_TEST_POSTGRES_DATA="$data" PAYCTL_TEST_POSTGRES_BIN="$bin"
code=0
"$@" || code=$?
exit $code
