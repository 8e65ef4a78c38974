package listen

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/payctl/payctl/internal/payment"
)

// maxAnswer is how much of a target's answer is kept, in bytes.
const maxAnswer = 4 << 10

// outcome is one attempt to forward.
type outcome struct {
	status  int
	latency time.Duration
	answer  []byte
	problem string
}

// ok tells whether the target took the delivery.
func (o outcome) ok() bool { return o.status >= 200 && o.status < 300 }

// sender makes single attempts.
type sender struct {
	client  *http.Client
	timeout time.Duration
}

// newSender copies the client, so that no redirect moves a delivery to a place
// nobody named.
func newSender(client *http.Client, timeout time.Duration) *sender {
	c := *client
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	c.Jar = nil
	return &sender{client: &c, timeout: timeout}
}

// send posts the stored bytes, untouched, with the headers that came with them.
func (s *sender) send(ctx context.Context, target string, d payment.Delivery, about http.Header) (out outcome) {
	start := time.Now()
	defer func() { out.latency = time.Since(start) }()
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, target, bytes.NewReader(d.Body))
	if err != nil {
		return outcome{problem: "the URL is not usable"}
	}
	req.Header = relayed(d.Header)
	for name, values := range about {
		req.Header[name] = values
	}
	res, err := s.client.Do(req)
	if err != nil {
		return outcome{problem: plain(err)}
	}
	defer func() { _ = res.Body.Close() }()
	answer, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		answer = nil // the status is the answer that counts
	}
	_, _ = io.CopyN(io.Discard, res.Body, 64<<10) // so that the connection can be used again
	return outcome{status: res.StatusCode, answer: answer}
}

// relayed drops the headers that belong to one hop of HTTP; what an
// application checks, such as Authorization, stays.
func relayed(in http.Header) http.Header {
	out := http.Header{}
	for name, values := range in {
		switch name {
		case "Connection", "Keep-Alive", "Proxy-Connection", "Proxy-Authenticate", "Proxy-Authorization", "Te", "Trailer",
			"Transfer-Encoding", "Upgrade", "Host", "Content-Length", "Accept-Encoding", "Expect",
			"X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "Forwarded":
		default:
			out[name] = values
		}
	}
	if _, ok := out["User-Agent"]; !ok {
		out["User-Agent"] = nil // none came, so none is made up
	}
	return out
}

// plain words an error of sending without the URL.
func plain(err error) string {
	var timeout net.Error
	var op *net.OpError
	switch {
	case errors.Is(err, context.Canceled):
		return "payctl was stopping"
	case errors.Is(err, context.DeadlineExceeded) || errors.As(err, &timeout) && timeout.Timeout():
		return "no answer in time"
	case errors.As(err, &op):
		return fmt.Sprintf("%s: %v", op.Op, clean(op.Err.Error()))
	}
	return "the target did not speak HTTP"
}
