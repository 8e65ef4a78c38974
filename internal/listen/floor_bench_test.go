package listen

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/payctl/payctl/internal/daraja"
	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/store"
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
	// counted is how many batches have been counted.
	counted int

	begin, commit, checkpoint, insert, find, move, count *sql.Stmt
	// record writes a batch.
	record func(batch []*floorJob) error
}

type floorJob struct {
	id   string
	body []byte
	done chan error
}

func (w workload) serveFloor(b *testing.B) (addr string, stop func()) {
	b.Helper()
	p := newFloor(b, w)
	p.record = p.least
	return p.serve(p.open())
}

func newFloor(b *testing.B, w workload) *floor {
	return &floor{b: b, mark: []byte(w.mark), queue: make(chan *floorJob, 1024), moves: w.prepare != nil, ctx: context.WithoutCancel(b.Context())}
}

func (p *floor) serve(db *sql.DB) (addr string, stop func()) {
	var writing sync.WaitGroup
	writing.Go(p.write)
	addr, stopServing := serveHandler(p.b, p)
	return addr, func() {
		stopServing()
		close(p.queue)
		writing.Wait()
		if err := errors.Join(p.conn.Close(), db.Close()); err != nil {
			p.b.Error(err)
		}
	}
}

// openFile opens a file with the pragmas of a ledger.
func (p *floor) openFile(file string, more ...string) *sql.DB {
	p.b.Helper()
	q := url.Values{"_pragma": {"page_size(8192)", "journal_mode(WAL)", "synchronous(FULL)", "wal_autocheckpoint(0)"}}
	q["_pragma"] = append(q["_pragma"], more...)
	db, err := sql.Open("sqlite", "file:"+filepath.ToSlash(file)+"?"+q.Encode())
	if err != nil {
		p.b.Fatal(err)
	}
	if p.conn, err = db.Conn(p.ctx); err != nil {
		p.b.Fatal(err)
	}
	p.begin, p.commit, p.checkpoint = p.prepare("BEGIN IMMEDIATE"), p.prepare("COMMIT"), p.prepare("PRAGMA wal_checkpoint(PASSIVE)")
	return db
}

func (p *floor) open() *sql.DB {
	p.b.Helper()
	db := p.openFile(filepath.Join(p.b.TempDir(), "floor.db"))
	for _, text := range []string{
		"CREATE TABLE deliveries (seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, at INTEGER NOT NULL, body BLOB NOT NULL) STRICT",
		"CREATE TABLE deposits (seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, status INTEGER NOT NULL, receipt TEXT) STRICT",
	} {
		if _, err := p.conn.ExecContext(p.ctx, text); err != nil {
			p.b.Fatal(err)
		}
	}
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
	if err := p.record(batch); err != nil {
		return err
	}
	_, err := p.commit.ExecContext(p.ctx)
	return err
}

// least writes four columns of a delivery, and moves a deposit of four.
func (p *floor) least(batch []*floorJob) error {
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
	return nil
}

// serveRows is the least writer of a settling workload into the tables and indices of a
// ledger: it reads, adds and changes the same rows in the same batches, by statements that
// are prepared, with values that it knows without judging.
func (w workload) serveRows(b *testing.B) (addr string, stop func()) {
	b.Helper()
	file := filepath.Join(b.TempDir(), "rows.db")
	ledger, err := store.Open(b.Context(), store.Options{Path: file})
	if err != nil {
		b.Fatal(err)
	}
	w.prepare(b, ledger)
	// One delivery gives numbers to its kind and its deposit's state.
	server := daraja.Receiver{}
	d := payment.Delivery{Provider: payment.Daraja, Route: stkPath, Token: pushToken(known), Method: http.MethodPost, Body: []byte(callbackBody(known)), ReceivedAt: time.Now()}
	_, err = ledger.Deliveries.Record(b.Context(), store.Arrival{Delivery: d, Inspection: server.Inspect(d)})
	if err := errors.Join(err, ledger.Close()); err != nil {
		b.Fatal(err)
	}
	p := newFloor(b, w)
	p.record = p.rows
	db := p.openFile(file, "foreign_keys(1)", "journal_size_limit(33554432)", "cache_size(-8192)", "temp_store(MEMORY)")
	p.find = p.prepare(`SELECT seq, shelf, reference, amount, currency, provider_id, merchant_request_id, callback_token, created_at, updated_at
		FROM json_each(?) AS names CROSS JOIN deposits ON provider_id = names.value WHERE provider_id <> ''`)
	p.insert = p.prepare(`INSERT INTO deliveries (kind, received_at, subject, dedup, deposit, query, duplicate_of, move, size, provider_id, reference, receipt,
		conversation_id, amount, currency, occurred_at, token, method, peer, reason, detail, orphan, wallet, phone, header, body)
		VALUES ((SELECT max(id) FROM kinds), ?, ?, ?, ?, NULL, NULL, 1, ?, ?, NULL, ?, NULL, ?, ?, ?, '', NULL, ?, ?, ?, NULL, NULL, NULL, ?, ?)
		ON CONFLICT (subject, dedup) DO NOTHING`)
	p.move = p.prepare(`UPDATE deposits SET shelf = (SELECT max(id) FROM shelves), status = 'COMPLETED', receipt = ?, decided_by = 'callback',
		updated_at = ?, paid_at = ?, called_back = 1 WHERE seq = ?`)
	p.count = p.prepare("INSERT OR REPLACE INTO tallies (seq, cells) VALUES (?, ?)")
	return p.serve(db)
}

// rows writes a delivery and its deposit as a ledger keeps them.
func (p *floor) rows(batch []*floorJob) error {
	ids := make([]string, len(batch))
	for i, j := range batch {
		ids[i] = j.id
	}
	list, err := json.Marshal(ids)
	if err != nil {
		return err
	}
	seqs, err := p.seqs(string(list))
	if err != nil {
		return err
	}
	const header = "Content-Length: 1199\nContent-Type: application/json\n"
	for _, j := range batch {
		seq, now, receipt := seqs[j.id], time.Now().UnixMicro(), "UA2"+j.id[len(j.id)-8:]
		_, err := p.insert.ExecContext(p.ctx, now, seq, rand.Int64(), seq, len(j.body), j.id, receipt, 10000, "KES", now,
			"127.0.0.1", "daraja signs nothing", `{"mr":"m-1"}`, header, j.body)
		if err == nil && seq != 0 {
			_, err = p.move.ExecContext(p.ctx, receipt, now, now, seq)
		}
		if err != nil {
			return err
		}
	}
	p.counted++
	_, err = p.count.ExecContext(p.ctx, p.counted%64+1, `{"daily":[[20787,1,29,36279]],"deposit_daily":[[20787,"daraja","local","KES","COMPLETED",29,290000]],`+
		`"outcomes":[[498909,"daraja","local","KES","COMPLETED","callback","",1,29,290000]],"settle_times":[[498909,"local",0,29]]}`)
	return err
}

// seqs reads what judging needs of the deposits with these ids, and keeps their keys.
func (p *floor) seqs(ids string) (map[string]int64, error) {
	found, err := p.find.QueryContext(p.ctx, ids)
	if err != nil {
		return nil, err
	}
	defer func() { _ = found.Close() }()
	out := map[string]int64{}
	for found.Next() {
		var seq, shelf, amount, created, updated int64
		var reference, currency, id, merchant, token string
		if err := found.Scan(&seq, &shelf, &reference, &amount, &currency, &id, &merchant, &token, &created, &updated); err != nil {
			return nil, err
		}
		out[id] = seq
	}
	return out, found.Err()
}
