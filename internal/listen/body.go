package listen

import (
	"errors"
	"io"
	"net/http"
	"sync/atomic"
)

// The ways in which reading a body ends badly.
var (
	errTooLarge  = errors.New("the body is over the cap")
	errNoMemory  = errors.New("too many bodies are being read")
	errBodyShort = errors.New("the body ended before its length")
)

// firstRead is what a body may take before the shared memory is asked: nearly
// every callback fits, so that nearly none is counted.
const firstRead = 4 << 10

// bodyMemory is what bodies being read may hold together.
type bodyMemory struct {
	most int64
	used atomic.Int64
}

func (m *bodyMemory) take(n int64) bool {
	if m.used.Add(n) > m.most {
		m.used.Add(-n)
		return false
	}
	return true
}

// read returns the whole body, in memory that grows only as bytes arrive, so
// that announcing a length costs a stranger as much as sending it. release
// gives the memory back and is never nil.
func (m *bodyMemory) read(r *http.Request, limit int64) (body []byte, release func(), err error) {
	var held int64
	release = func() { m.used.Add(-held) }
	if r.ContentLength > limit {
		return nil, release, errTooLarge
	}
	size := int64(firstRead)
	if r.ContentLength >= 0 && r.ContentLength < firstRead {
		size = r.ContentLength
	}
	body = make([]byte, 0, size+1) // one more, so that EOF is seen without growing
	for {
		if len(body) == cap(body) {
			more := int64(cap(body))
			if !m.take(more) {
				return nil, release, errNoMemory
			}
			held += more
			grown := make([]byte, len(body), len(body)+int(more))
			copy(grown, body)
			body = grown
		}
		n, err := r.Body.Read(body[len(body):cap(body)])
		body = body[:len(body)+n]
		switch {
		case int64(len(body)) > limit:
			return nil, release, errTooLarge
		case errors.Is(err, io.EOF):
			return body, release, nil
		case err != nil:
			return nil, release, errors.Join(errBodyShort, err)
		}
	}
}
