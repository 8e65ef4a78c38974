package replay

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/payctl/payctl/internal/store"
)

// sending copies a client, so that no redirect moves a delivery to a place
// nobody named, and no cookie ties one to another.
func sending(client *http.Client) *http.Client {
	c := *client
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	c.Jar = nil
	return &c
}

// sender is one lane's way to the targets; it serves one goroutine.
type sender struct {
	client  *http.Client
	timeout time.Duration
	// lines are connections to targets on this machine; nil for the others.
	lines  map[string]*direct
	header http.Header
}

func newSender(client *http.Client, timeout time.Duration) *sender {
	return &sender{client: client, timeout: timeout, lines: map[string]*direct{}, header: http.Header{}}
}

func (s *sender) close() {
	for _, line := range s.lines {
		if line != nil {
			line.close()
		}
	}
}

// post makes one attempt.
func (s *sender) post(ctx context.Context, d store.StoredDelivery, target string) Answer {
	answer := Answer{Target: target}
	line, known := s.lines[target]
	if !known {
		line = newDirect(target, s.timeout)
		s.lines[target] = line
	}
	clear(s.header)
	relay(s.header, d.Header)
	started := time.Now()
	if line != nil {
		answer.Status, answer.Body, answer.Err = line.post(ctx, s.header, d.Body)
	} else {
		answer.Status, answer.Body, answer.Err = s.postByClient(ctx, d, target)
	}
	answer.Latency = time.Since(started)
	if errors.Is(answer.Err, context.DeadlineExceeded) {
		answer.Err = errors.New("no answer in " + s.timeout.String())
	}
	return answer
}

func (s *sender) postByClient(ctx context.Context, d store.StoredDelivery, target string) (status int, body []byte, err error) {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, target, bytes.NewReader(d.Body))
	if err != nil {
		return 0, nil, errors.New("the target is not a URL")
	}
	req.Header = s.header.Clone()
	resp, err := s.client.Do(req)
	if err != nil {
		// The url.Error around it repeats the target, query and all.
		var urlErr *url.Error
		if errors.As(err, &urlErr) {
			err = urlErr.Err
		}
		return 0, nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	if body, err = io.ReadAll(io.LimitReader(resp.Body, maxAnswer)); err != nil {
		body = nil // the status is an answer all the same
	}
	return resp.StatusCode, body, nil
}

// relay copies the headers that came with a delivery; what belongs to one hop
// of HTTP, or to the original connection, is left out.
func relay(to, from http.Header) {
	for name, values := range from {
		switch name {
		case "Connection", "Keep-Alive", "Proxy-Connection", "Proxy-Authenticate", "Proxy-Authorization", "Te", "Trailer",
			"Transfer-Encoding", "Upgrade", "Host", "Content-Length", "Accept-Encoding", "Expect",
			"X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "Forwarded":
		default:
			to[name] = values
		}
	}
	if _, came := to["User-Agent"]; !came {
		to["User-Agent"] = nil // none came, so none is made up
	}
	to["X-Payctl-Replay"] = []string{"1"}
}
