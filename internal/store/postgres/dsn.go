package postgres

import (
	"net"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/secret"
)

// place is a database as its URL names it.
type place struct {
	config *pgconn.Config
	// name is the URL without what is secret.
	name string
	// notify is false where payctl_notify=off, untested true where payctl_untested=on,
	// pooled true where payctl_pooler=on.
	notify, untested, pooled bool
	// open says that what passes may be read or changed on the way: another host, and no
	// certificate is checked.
	open bool
}

// IsURL reports whether a ledger's name is that of a database.
func IsURL(name string) bool {
	return strings.HasPrefix(name, "postgres://") || strings.HasPrefix(name, "postgresql://")
}

// connectWithin bounds a connection's making where the URL does not say.
const connectWithin = 10 * time.Second

// parsePlace reads a URL with libpq's parameters. What it lacks comes from libpq's
// environment variables, as with psql.
func parsePlace(text string) (*place, error) {
	bad := payment.Usage("db: the URL cannot be read", "write it as postgres://USER@HOST:PORT/DATABASE?sslmode=verify-full")
	u, err := url.Parse(text)
	if err != nil || !IsURL(text) {
		return nil, bad
	}
	q := u.Query()
	p := &place{name: secret.URL(text), notify: true}
	for name, to := range map[string]*bool{"payctl_notify": &p.notify, "payctl_untested": &p.untested, "payctl_pooler": &p.pooled} {
		switch q.Get(name) {
		case "on":
			*to = true
		case "off":
			*to = false
		case "":
		default:
			return nil, payment.Usage("db: "+name+": it is neither on nor off", "write "+name+"=on or "+name+"=off")
		}
		q.Del(name)
	}
	mode := q.Get("sslmode")
	if mode == "" && onThisMachine(u) {
		q.Set("sslmode", "disable") // else a server without TLS is asked twice
	} else if mode == "" {
		q.Set("sslmode", "verify-full")
	}
	u.RawQuery = q.Encode()
	if p.config, err = pgconn.ParseConfig(u.String()); err != nil {
		return nil, bad
	}
	p.open = mode != "" && mode != "verify-full" && mode != "verify-ca" && !onThisMachine(u)
	if p.config.ConnectTimeout == 0 {
		p.config.ConnectTimeout = connectWithin
	}
	return p, nil
}

// onThisMachine reports whether all hosts of a URL are loopback addresses or sockets.
func onThisMachine(u *url.URL) bool {
	hosts := u.Host
	if hosts == "" {
		hosts = u.Query().Get("host")
	}
	for host := range strings.SplitSeq(hosts, ",") {
		if h, _, err := net.SplitHostPort(host); err == nil {
			host = h
		}
		host = strings.Trim(host, "[]")
		addr, err := netip.ParseAddr(host)
		if host != "" && !strings.HasPrefix(host, "/") && host != "localhost" && (err != nil || !addr.IsLoopback()) {
			return false
		}
	}
	return true
}
