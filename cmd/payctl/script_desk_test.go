package main

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// mute FILE makes a Unix socket that takes connections and never says a word, such as
// the message bus of a machine without a desktop.
func cmdMute(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: mute file")
	}
	ln, err := (&net.ListenConfig{}).Listen(context.Background(), "unix", ts.MkAbs(args[0]))
	ts.Check(err)
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			defer func() { _ = conn.Close() }() // all of them when the socket closes
		}
	}()
	ts.Defer(func() { _ = ln.Close() })
}

// target NAME STATUS DELAY starts somebody's app, which answers everything with this
// status after this delay; its URL goes into the variable NAME.
func cmdTarget(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: target name status delay")
	}
	status, err := strconv.Atoi(args[1])
	ts.Check(err)
	delay, err := time.ParseDuration(args[2])
	ts.Check(err)
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		timer := time.NewTimer(delay)
		defer timer.Stop()
		select {
		case <-timer.C:
			w.WriteHeader(status)
			_, _ = io.WriteString(w, "done\n")
		case <-r.Context().Done():
		}
	}))
	ts.Defer(app.Close)
	ts.Setenv(args[0], app.URL)
}
