package postgres

import (
	"context"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

const (
	// pollEvery is how often others' commits are looked for where none are told, and
	// listenEvery where they are: a message may still be lost.
	pollEvery   = time.Second
	listenEvery = 15 * time.Second
	// mostPayload bounds a message: PostgreSQL takes 8,000 bytes.
	mostPayload = 7900
)

// payload spells what a commit changed; too much of it says nothing but that.
func payload(told []string) string {
	text := strings.Join(told, " ")
	if len(text) > mostPayload {
		return ""
	}
	return text
}

// Watch calls changed after commits by others, and now and then in any case, until ctx
// ends: what a commit tells is a hint, and what is read decides. It listens on a
// connection of its own, which is made anew when it breaks.
func (db *DB) Watch(ctx context.Context, changed func()) {
	every := pollEvery
	for ctx.Err() == nil {
		if db.place.notify && !db.place.pooled {
			every = db.listen(ctx, changed)
		}
		wait(ctx, jitter(every))
		changed()
	}
}

// listen calls changed for each message, until the connection breaks.
func (db *DB) listen(ctx context.Context, changed func()) (every time.Duration) {
	config := db.place.config.Copy()
	config.RuntimeParams["application_name"] = "payctl listen"
	told := make(chan struct{}, 1)
	config.OnNotification = func(*pgconn.PgConn, *pgconn.Notification) {
		select {
		case told <- struct{}{}:
		default:
		}
	}
	pg, err := pgconn.ConnectConfig(ctx, config)
	if err != nil {
		return pollEvery
	}
	w := newWire(pg, false)
	defer w.close(ctx)
	if _, err := w.trip(ctx, []call{{text: `LISTEN "` + db.channel + `"`}}); err != nil {
		return pollEvery
	}
	for ctx.Err() == nil {
		changed() // also what came before LISTEN
		bounded, cancel := context.WithTimeout(ctx, jitter(listenEvery))
		err := pg.WaitForNotification(bounded)
		over := bounded.Err() != nil
		cancel()
		if err != nil && (!over || pg.IsClosed()) {
			return pollEvery
		}
	}
	return pollEvery
}

// jitter spreads a pause, so that watchers do not ask in step.
func jitter(d time.Duration) time.Duration {
	return d*3/4 + time.Duration(rand.Int64N(int64(d/2))) //nolint:gosec // a pause, no secret
}

func wait(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
