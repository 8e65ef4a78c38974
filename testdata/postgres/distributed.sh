#!/bin/sh
# Runs a command on a private CockroachDB, then on a private YugabyteDB, where their
# binaries are on PATH: distributed.sh COMMAND [ARGUMENT...]. Neither was tested here yet.
set -eu
dir=$(mktemp -d "${TMPDIR:-/tmp}/payctl-distributed.XXXXXX")
pid=
stop() {
	if [ -n "$pid" ]; then kill "$pid" 2>/dev/null || true; fi
	rm -rf "$dir"
}
trap stop EXIT
ran=0
if command -v cockroach >/dev/null; then
	cockroach start-single-node --insecure --store="$dir/cockroach" --listen-addr=127.0.0.1:26257 --http-addr=127.0.0.1:0 >"$dir/log" 2>&1 &
	pid=$!
	for _ in $(seq 60); do cockroach sql --insecure --host=127.0.0.1:26257 -e 'SELECT 1' >/dev/null 2>&1 && break; sleep 1; done
	PAYCTL_TEST_POSTGRES='postgres://root@127.0.0.1:26257/defaultdb?sslmode=disable&payctl_untested=on' "$@"
	kill "$pid"
	pid=
	ran=1
fi
if command -v yugabyted >/dev/null; then
	yugabyted start --base_dir="$dir/yugabyte" --advertise_address=127.0.0.1 >"$dir/log" 2>&1
	PAYCTL_TEST_POSTGRES='postgres://yugabyte@127.0.0.1:5433/yugabyte?sslmode=disable&payctl_untested=on' "$@" || code=$?
	yugabyted stop --base_dir="$dir/yugabyte" >/dev/null 2>&1 || true
	[ -z "${code:-}" ] || exit "$code"
	ran=1
fi
[ "$ran" = 1 ] || echo 'distributed.sh: neither cockroach nor yugabyted was found: not tested here'
