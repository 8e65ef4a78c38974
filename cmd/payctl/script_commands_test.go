package main

import (
	"context"
	"database/sql"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/payctl/payctl/internal/store/postgres/postgrestest"
)

// poke FILE OFFSET HEX overwrites bytes of a file.
func cmdPoke(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: poke file offset hex")
	}
	offset, err := strconv.ParseInt(args[1], 10, 64)
	ts.Check(err)
	data, err := hex.DecodeString(args[2])
	ts.Check(err)
	file, err := os.OpenFile(ts.MkAbs(args[0]), os.O_WRONLY, 0)
	ts.Check(err)
	_, err = file.WriteAt(data, offset)
	ts.Check(errors.Join(err, file.Close()))
}

// age REFERENCE DURATION makes a deposit look as if it had been sent that much
// earlier: nobody waits a day for a test.
func cmdAge(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: age reference duration")
	}
	by, err := time.ParseDuration(args[1])
	ts.Check(err)
	if postgrestest.Server() != "" {
		ts.Check(postgrestest.Exec(context.Background(), ts.Getenv("PAYCTL_DB"), fmt.Sprintf(
			"UPDATE deposits SET sent_at = sent_at - %[1]d, updated_at = updated_at - %[1]d WHERE reference = '%[2]s'", by.Microseconds(), args[0])))
		return
	}
	db, err := sql.Open("sqlite", ts.Getenv("PAYCTL_DB")+"?_pragma=busy_timeout(60000)")
	ts.Check(err)
	result, err := db.ExecContext(context.Background(), "UPDATE deposits SET sent_at = sent_at - ?1, updated_at = updated_at - ?1 WHERE reference = ?2", by.Microseconds(), args[0])
	ts.Check(errors.Join(err, db.Close()))
	if n, err := result.RowsAffected(); err != nil || n != 1 {
		ts.Fatalf("%d deposits have the reference %q", n, args[0])
	}
}

// edge URLFILE PORTFILE CAFILE starts a public edge as tunnels have one: https, with a CA
// of its own, which appends the sender to X-Forwarded-For and leads to the port of
// 127.0.0.1 that stands in PORTFILE at that moment.
func cmdEdge(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: edge urlfile portfile cafile")
	}
	portFile := ts.MkAbs(args[1])
	edge := httptest.NewTLSServer(&httputil.ReverseProxy{
		ErrorLog: log.New(io.Discard, "", 0),
		Rewrite: func(r *httputil.ProxyRequest) {
			port, _ := os.ReadFile(portFile)
			r.SetURL(&url.URL{Scheme: "http", Host: "127.0.0.1:" + strings.TrimSpace(string(port))})
			r.Out.Header["X-Forwarded-For"] = append(r.In.Header["X-Forwarded-For"], "203.0.113.7")
		},
	})
	ts.Defer(edge.Close)
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: edge.Certificate().Raw})
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(edge.URL+"\n"), 0o600))
	ts.Check(os.WriteFile(ts.MkAbs(args[2]), ca, 0o600))
}
