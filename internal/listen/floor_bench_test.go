package listen

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"io"
	"net/http"
	"net/url"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// floor is the least that a durable listener could be, with the same server,
// driver and disk: group commit of a four-column row with the body and one
// unique id, and, where moves is set, one narrow read and one narrow update. It
// judges nothing, counts nothing and keeps no history.
type floor struct {
	b     *testing.B
	queue chan *floorJob
	moves bool
	// mark is what stands in a body before its id.
	mark []byte
	ctx  context.Context
	conn *sql.Conn

	begin, commit, checkpoint, insert, find, move *sql.Stmt
}

type floorJob struct {
	id   string
	body []byte
	done chan error
}

func (w workload) serveFloor(b *testing.B) (addr string, stop func()) {
	b.Helper()
	p := &floor{b: b, mark: []byte(w.mark), queue: make(chan *floorJob, 1024), moves: w.prepare != nil, ctx: context.WithoutCancel(b.Context())}
	db := p.open()
	var writing sync.WaitGroup
	writing.Go(p.write)
	addr, stopServing := serveHandler(b, p)
	return addr, func() {
		stopServing()
		close(p.queue)
		writing.Wait()
		if err := errors.Join(p.conn.Close(), db.Close()); err != nil {
			b.Error(err)
		}
	}
}

func (p *floor) open() *sql.DB {
	p.b.Helper()
	q := url.Values{"_pragma": {"page_size(8192)", "journal_mode(WAL)", "synchronous(FULL)", "wal_autocheckpoint(0)"}}
	db, err := sql.Open("sqlite", "file:"+filepath.ToSlash(filepath.Join(p.b.TempDir(), "floor.db"))+"?"+q.Encode())
	if err != nil {
		p.b.Fatal(err)
	}
	if p.conn, err = db.Conn(p.ctx); err != nil {
		p.b.Fatal(err)
	}
	for _, text := range []string{
		"CREATE TABLE deliveries (seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, at INTEGER NOT NULL, body BLOB NOT NULL) STRICT",
		"CREATE TABLE deposits (seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, status INTEGER NOT NULL, receipt TEXT) STRICT",
	} {
		if _, err := p.conn.ExecContext(p.ctx, text); err != nil {
			p.b.Fatal(err)
		}
	}
	p.begin, p.commit, p.checkpoint = p.prepare("BEGIN IMMEDIATE"), p.prepare("COMMIT"), p.prepare("PRAGMA wal_checkpoint(PASSIVE)")
	p.insert = p.prepare("INSERT INTO deliveries (id, at, body) VALUES (?, ?, ?)")
	p.find, p.move = p.prepare("SELECT seq, status FROM deposits WHERE id = ?"), p.prepare("UPDATE deposits SET status = 1, receipt = ? WHERE seq = ?")
	if p.moves {
		p.seed()
	}
	return db
}

func (p *floor) prepare(text string) *sql.Stmt {
	p.b.Helper()
	stmt, err := p.conn.PrepareContext(p.ctx, text)
	if err != nil {
		p.b.Fatal(err)
	}
	return stmt
}

func (p *floor) seed() {
	p.b.Helper()
	add := p.prepare("INSERT INTO deposits (id, status) VALUES (?, 0)")
	defer func() { _ = add.Close() }()
	_, err := p.begin.ExecContext(p.ctx)
	for n := int64(1); n <= known && err == nil; n++ {
		_, err = add.ExecContext(p.ctx, checkoutID(n))
	}
	if err == nil {
		_, err = p.commit.ExecContext(p.ctx)
	}
	if err != nil {
		p.b.Fatal(err)
	}
}

// ServeHTTP answers 200 once the body is committed.
func (p *floor) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	_, rest, _ := bytes.Cut(body, p.mark)
	id, _, _ := bytes.Cut(rest, []byte(`"`))
	j := &floorJob{id: string(id), body: body, done: make(chan error, 1)}
	if err == nil {
		p.queue <- j
		err = <-j.done
	}
	if err != nil {
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	w.Header()["Content-Type"] = []string{"application/json"}
	_, _ = w.Write([]byte(`{"ResultCode":0}`))
}

func (p *floor) write() {
	const most, betweenCheckpoints = 512, 2000
	written := 0
	for first := range p.queue {
		batch := []*floorJob{first}
		for len(batch) < most && len(p.queue) > 0 {
			batch = append(batch, <-p.queue)
		}
		err := p.transact(batch)
		for _, j := range batch {
			j.done <- err
		}
		if written += len(batch); written >= betweenCheckpoints {
			written = 0
			_, _ = p.checkpoint.ExecContext(p.ctx)
		}
	}
}

func (p *floor) transact(batch []*floorJob) error {
	if _, err := p.begin.ExecContext(p.ctx); err != nil {
		return err
	}
	for _, j := range batch {
		if _, err := p.insert.ExecContext(p.ctx, j.id, time.Now().UnixMicro(), j.body); err != nil {
			return err
		}
		if !p.moves {
			continue
		}
		var seq, status int64
		err := p.find.QueryRowContext(p.ctx, j.id).Scan(&seq, &status)
		if errors.Is(err, sql.ErrNoRows) {
			continue
		}
		if err == nil {
			_, err = p.move.ExecContext(p.ctx, "UA2"+j.id, seq)
		}
		if err != nil {
			return err
		}
	}
	_, err := p.commit.ExecContext(p.ctx)
	return err
}
