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

// post makes one attempt.
func (r *run) post(ctx context.Context, d store.StoredDelivery, target string) Answer {
	ctx, cancel := context.WithTimeout(ctx, r.o.Timeout)
	defer cancel()
	answer := Answer{Target: target}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, target, bytes.NewReader(d.Body))
	if err != nil {
		answer.Err = errors.New("the target is not a URL")
		return answer
	}
	relay(req.Header, d.Header)
	started := time.Now()
	resp, err := r.client.Do(req)
	answer.Latency = time.Since(started)
	if err != nil {
		// The url.Error around it repeats the target, query and all.
		var urlErr *url.Error
		if errors.As(err, &urlErr) {
			err = urlErr.Err
		}
		if errors.Is(err, context.DeadlineExceeded) {
			err = errors.New("no answer in " + r.o.Timeout.String())
		}
		answer.Err = err
		return answer
	}
	defer func() { _ = resp.Body.Close() }()
	answer.Body, err = io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	answer.Status = resp.StatusCode
	answer.Latency = time.Since(started)
	if err != nil {
		answer.Body = nil // the status is an answer all the same
	}
	return answer
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
