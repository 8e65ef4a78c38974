package listen

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"
)

// syncBuffer is a log that many goroutines write.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// lineLogger writes messages and values without quoting them, as a careless
// handler would, so that what is logged must be clean by itself.
type lineLogger struct {
	out io.Writer
}

func (lineLogger) Enabled(context.Context, slog.Level) bool { return true }
func (l lineLogger) WithAttrs([]slog.Attr) slog.Handler     { return l }
func (l lineLogger) WithGroup(string) slog.Handler          { return l }
func (l lineLogger) Handle(_ context.Context, r slog.Record) error {
	line := r.Message
	r.Attrs(func(a slog.Attr) bool {
		line += " " + a.Key + "=" + a.Value.String()
		return true
	})
	_, err := io.WriteString(l.out, "LOG "+line+"\n")
	return err
}

// TestLogsCannotBeForged holds that no request puts a line, a control
// character, a token or a payer's number into the log.
func TestLogsCannotBeForged(t *testing.T) {
	t.Parallel()
	out := &syncBuffer{}
	r := start(t, Options{Logger: slog.New(lineLogger{out}), Limits: Limits{Body: 4096}})
	const secret = "per-deposit-secret"
	for _, request := range []string{
		post(stkPath+"/"+secret, `{"id":"a","name":"x\nLOG forged 254712345678\u001b[31m\u2028"}`),
		post("/callbacks/sevi", `{}`, "Authorization: hunter2-hunter2"),
		post(stkPath, strings.Repeat("a", 5000)),
		"BROKEN \x1b[31m 254712345678\r\nLOG forged\r\n\r\n",
		"POST " + stkPath + " HTTP/1.1\r\nHost: x\r\nX-A: a\x00b 254712345678\r\n\r\n",
		post("/callbacks/254712345678/"+secret, stkBody),
	} {
		r.raw(request)
	}
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	text := out.String()
	if !strings.Contains(text, "LOG delivery") {
		t.Fatalf("nothing was logged: %q", text)
	}
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, "LOG ") || strings.HasPrefix(line, "LOG forged") || strings.ContainsAny(strings.TrimSuffix(line, "\n"), "\x1b\x00\r\n\u2028") {
			t.Errorf("forged line %q", line)
		}
	}
	for _, word := range []string{secret, "254712345678", "hunter2"} {
		if strings.Contains(text, word) {
			t.Errorf("the log holds %q:\n%s", word, text)
		}
	}
}
