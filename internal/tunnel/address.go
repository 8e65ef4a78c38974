package tunnel

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// start starts the program with a free port for its own API.
func (t *Tunnel) start(ctx context.Context, attempt int) (*process, error) {
	metrics, err := freePort(ctx)
	if err != nil {
		return nil, err
	}
	return startProcess(t.o, metrics, attempt)
}

func freePort(ctx context.Context) (int, error) {
	var lc net.ListenConfig
	ln, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	_, port, err := net.SplitHostPort(ln.Addr().String())
	_ = ln.Close()
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(port)
}

// address waits for the program's address.
func (t *Tunnel) address(ctx context.Context, p *process) (string, error) {
	if t.o.Program.URL != "" {
		return t.o.Program.URL, nil
	}
	limit := time.NewTimer(t.o.Times.URL)
	defer limit.Stop()
	look := time.NewTicker(200 * time.Millisecond)
	defer look.Stop()
	for {
		select {
		case <-ctx.Done():
			return "", ctx.Err()
		case <-p.ended:
			return "", t.ended(p)
		case named := <-p.urls:
			return named, nil
		case <-limit.C:
			return "", explain(t.o.Program.Name, p.tail(), fmt.Sprintf("gave no address within %.0f s", t.o.Times.URL.Seconds()))
		case <-look.C:
			if named := t.asked(ctx, p); named != "" {
				return named, nil
			}
		}
	}
}

// asked asks the program's own API for the address, "" while there is none.
func (t *Tunnel) asked(ctx context.Context, p *process) string {
	switch t.o.Program.Name {
	case Cloudflared:
		var answer struct {
			Hostname string `json:"hostname"`
		}
		if t.get(ctx, p.api, "/quicktunnel", &answer) != http.StatusOK || answer.Hostname == "" {
			return ""
		}
		return "https://" + strings.ToLower(answer.Hostname)
	case Ngrok:
		return t.askedNgrok(ctx, p)
	}
	return ""
}

// askedNgrok finds our tunnel among those of the agent. Another agent may hold the
// usual port, so the port that a tunnel leads to decides.
func (t *Tunnel) askedNgrok(ctx context.Context, p *process) string {
	var answer struct {
		Tunnels []struct {
			PublicURL string `json:"public_url"`
			Config    struct {
				Addr string `json:"addr"`
			} `json:"config"`
		} `json:"tunnels"`
	}
	if t.get(ctx, p.ngrokAPI(), "/api/tunnels", &answer) != http.StatusOK {
		return ""
	}
	for _, one := range answer.Tunnels {
		if strings.HasSuffix(one.Config.Addr, ":"+strconv.Itoa(t.o.Port)) && strings.HasPrefix(one.PublicURL, "https://") {
			return strings.ToLower(one.PublicURL)
		}
	}
	return ""
}

// connected waits until the program has a connection to its edge: an address that is
// asked for before that may be remembered as missing.
func (t *Tunnel) connected(ctx context.Context, p *process) error {
	if t.o.Program.Name != Cloudflared {
		return nil
	}
	if err := t.ownRules(ctx, p); err != nil {
		return err
	}
	limit := time.NewTimer(t.o.Times.Ready)
	defer limit.Stop()
	look := time.NewTicker(200 * time.Millisecond)
	defer look.Stop()
	for t.get(ctx, p.api, "/ready", nil) != http.StatusOK {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-p.ended:
			return t.ended(p)
		case <-limit.C:
			return explain(t.o.Program.Name, p.tail(), fmt.Sprintf("was not connected to its edge within %.0f s", t.o.Times.Ready.Seconds()))
		case <-look.C:
		}
	}
	return nil
}

// ownRules refuses a cloudflared that goes by rules other than ours: a config.yml that
// it finds wins over --url without a word, and every callback ends there.
func (t *Tunnel) ownRules(ctx context.Context, p *process) error {
	var answer struct {
		Config struct {
			Ingress []struct {
				Service string `json:"service"`
			} `json:"ingress"`
		} `json:"config"`
	}
	if t.get(ctx, p.api, "/config", &answer) != http.StatusOK || len(answer.Config.Ingress) == 0 {
		return nil // an older cloudflared does not say
	}
	for _, rule := range answer.Config.Ingress {
		if u, err := url.Parse(rule.Service); err == nil && u.Port() == strconv.Itoa(t.o.Port) {
			return nil
		}
	}
	return &failure{
		useless: true, problem: "cloudflared goes by a configuration of its own, which does not lead to this listener",
		next: "move ~/.cloudflared/config.yml away, or run a named tunnel: --tunnel 'cloudflared tunnel run NAME' with its --tunnel-url",
	}
}

// get asks a local API; the status is 0 when nothing answered.
func (t *Tunnel) get(ctx context.Context, addr, path string, into any) int {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+addr+path, http.NoBody)
	if err != nil {
		return 0
	}
	res, err := t.http.Do(req)
	if err != nil {
		return 0
	}
	defer func() { _ = res.Body.Close() }()
	data, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if err != nil {
		return 0
	}
	if into != nil && json.Unmarshal(data, into) != nil {
		return 0
	}
	return res.StatusCode
}

// ngrokStarted reads the address out of the agent's line that says it.
func ngrokStarted(line string) string {
	var entry struct {
		Message string `json:"msg"`
		URL     string `json:"url"`
	}
	if json.Unmarshal([]byte(line), &entry) != nil || entry.Message != "started tunnel" || !strings.HasPrefix(entry.URL, "https://") {
		return ""
	}
	return strings.ToLower(entry.URL)
}

// ngrokWeb reads the address of the agent's own API out of its line.
func ngrokWeb(line string) string {
	var entry struct {
		Message string `json:"msg"`
		Addr    string `json:"addr"`
	}
	if json.Unmarshal([]byte(line), &entry) != nil || entry.Message != "starting web service" {
		return ""
	}
	return entry.Addr
}
