package listen

import (
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/store"
)

// mostSeries bounds the distinct events that are counted apart: names come from
// outside, and a series is never forgotten.
const mostSeries = 256

// Metrics counts what the listener does and shows it in Prometheus's text format.
type Metrics struct {
	registry registry

	deliveries *counters
	answers    *counters
	limited    *counters
	forwards   *counters
	refused    *counter
	failed     *counter
	retries    *counter
	spills     *counter
	lost       *counter
	viewsLost  *counter
	strays     *counter
	recordTime *histogram
	commitTime *histogram
	commitWait *histogram
	batchSize  *histogram
	forwarding atomic.Int64

	// series holds the counters that were used, so that counting costs a look-up.
	series   sync.Map
	distinct atomic.Int64
	byStatus [600]atomic.Pointer[counter]
	server   atomic.Pointer[Server]
}

// seriesKey names a counter of deliveries.
type seriesKey struct {
	provider payment.ProviderID
	event    string
	verdict  payment.Verdict
}

// NewMetrics returns metrics that count from zero.
func NewMetrics() *Metrics {
	m := &Metrics{}
	r := &m.registry
	m.deliveries = r.counters("payctl_deliveries_total", "Deliveries committed, by provider, event and verdict.", "event", "provider", "verdict")
	m.answers = r.counters("payctl_answers_total", "Answers sent, by HTTP status.", "code")
	m.limited = r.counters("payctl_limited_total", "Requests refused by a limit.", "limit")
	m.forwards = r.counters("payctl_forwards_total", "Attempts to forward, by result.", "result")
	m.refused = r.counter("payctl_connections_refused_total", "Connections of peers that held too many.")
	m.failed = r.counter("payctl_records_failed_total", "Deliveries that the ledger could not take.")
	m.retries = r.counter("payctl_ledger_retries_total", "Commits that were run again because of what others had changed in a shared ledger.")
	m.spills = r.counter("payctl_spilled_total", "Deliveries kept outside the ledger.")
	m.lost = r.counter("payctl_refused_deliveries_total", "Deliveries that could be kept nowhere and were answered 503.")
	m.strays = r.counter("payctl_strays_total", "Requests under /callbacks/ that fitted no route.")
	m.viewsLost = r.counter("payctl_views_lost_total", "Deliveries that were not shown because the output was too slow.")
	seconds := func(name, help string) *histogram { return r.histogram(name, help, 0.000125, 16) }
	m.recordTime = seconds("payctl_record_seconds", "Time from handing a delivery to the ledger to its commit.")
	m.commitTime = seconds("payctl_commit_seconds", "Time of one commit of the ledger, fsync included.")
	m.commitWait = seconds("payctl_commit_wait_seconds", "Time that other processes held the ledger before a commit.")
	m.batchSize = r.histogram("payctl_commit_batch_size", "Writes that shared one commit.", 1, 11)
	r.gauge("payctl_forwards_in_flight", "Attempts to forward that are under way.", func() float64 { return float64(m.forwarding.Load()) })
	m.gauges()
	r.process()
	return m
}

// gauges are what is read from the server when somebody asks.
func (m *Metrics) gauges() {
	gauge := func(name, help string, read func(*Server) float64) {
		m.registry.gauge(name, help, func() float64 {
			s := m.server.Load()
			if s == nil {
				return 0
			}
			return read(s)
		})
	}
	gauge("payctl_deliveries_in_flight", "Deliveries that wait for the ledger.", func(s *Server) float64 { return float64(len(s.inFlight)) })
	gauge("payctl_body_bytes", "Memory held by large bodies being read.", func(s *Server) float64 { return float64(s.memory.used.Load()) })
	gauge("payctl_spilled_files", "Deliveries that wait in the spill directory.", func(s *Server) float64 {
		files, _ := s.spill.waiting()
		return float64(files)
	})
	gauge("payctl_forwards_leased", "Forwards that this listener has taken and not settled yet.", func(s *Server) float64 { return float64(s.forward.held.Load()) })
	gauge("payctl_ledger_queue", "Writes that wait for a commit.", func(s *Server) float64 { return float64(s.backlog.get().Writes) })
	gauge("payctl_forwards_waiting", "Forwards in the ledger that wait to be sent.", func(s *Server) float64 { return float64(s.backlog.get().ForwardsWaiting) })
	gauge("payctl_forwards_dead", "Forwards in the ledger that were given up.", func(s *Server) float64 { return float64(s.backlog.get().ForwardsDead) })
	gauge("payctl_oldest_pending_seconds", "Age of the oldest undecided deposit, 0 if there is none.", func(s *Server) float64 {
		oldest := s.backlog.get().OldestPending
		if oldest.IsZero() {
			return 0
		}
		return max(0, s.now().Sub(oldest).Seconds())
	})
	const expiry = "payctl_tls_certificate_expiry_seconds"
	m.registry.add(expiry, "gauge", "When the certificate in use expires, in seconds since 1970; no value without TLS.", func(p *page) {
		if s := m.server.Load(); s != nil && s.o.TLS != nil {
			p.value(expiry, "", "", float64(s.o.TLS.expiry().Unix()))
		}
	})
	gauge("payctl_tunnel_live", "Whether the tunnel's address was seen to lead here, 1 or 0; 0 without a tunnel.", func(s *Server) float64 {
		if s.o.Tunnel != nil && s.o.Tunnel().State == "live" {
			return 1
		}
		return 0
	})
	gauge("payctl_views_waiting", "Deliveries that wait to be shown.", func(s *Server) float64 { return float64(len(s.views.queue)) })
}

// ServeHTTP shows the metrics.
func (m *Metrics) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	_, _ = w.Write(m.registry.page())
}

// watch has the gauges read from a server.
func (m *Metrics) watch(s *Server) { m.server.Store(s) }

// Commit observes a commit of the ledger: hand it to the store as OnCommit.
func (m *Metrics) Commit(c store.CommitStats) {
	m.commitTime.observe(c.Took.Seconds())
	m.commitWait.observe(c.Waited.Seconds())
	m.batchSize.observe(float64(c.Jobs))
	m.retries.n.Add(uint64(c.Retries))
}

// delivery counts a committed delivery. The event of a delivery without proof
// is not counted by name where a proof is due: a stranger chose it.
func (m *Metrics) delivery(provider payment.ProviderID, i payment.Inspection, verdict payment.Verdict) {
	key := seriesKey{provider: provider, verdict: verdict}
	if i.Event != nil && (i.Verdict == payment.VerdictValid || i.Verdict == payment.VerdictUnsigned) {
		key.event = i.Event.Name
	}
	c, ok := m.series.Load(key)
	if !ok {
		if key.event != "" && m.distinct.Add(1) > mostSeries {
			m.distinct.Add(-1)
			key.event = "other"
		}
		c, _ = m.series.LoadOrStore(key, m.deliveries.with(clean(key.event), string(key.provider), string(key.verdict)))
	}
	if counted, ok := c.(*counter); ok {
		counted.inc()
	}
}

// answered counts an answer.
func (m *Metrics) answered(status int) {
	if status < 0 || status >= len(m.byStatus) {
		status = 0
	}
	c := m.byStatus[status].Load()
	if c == nil {
		c = m.answers.with(strconv.Itoa(status))
		m.byStatus[status].Store(c)
	}
	c.inc()
}

// committed observes a delivery's way into the ledger.
func (m *Metrics) committed(took time.Duration) { m.recordTime.observe(took.Seconds()) }
