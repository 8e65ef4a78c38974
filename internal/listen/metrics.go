package listen

import (
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/store"
)

// mostSeries bounds the distinct events that are counted apart: names come from
// outside, and a series is never forgotten.
const mostSeries = 256

// Metrics counts what the listener does, on a registry of its own.
type Metrics struct {
	handler http.Handler

	deliveries *prometheus.CounterVec
	answers    *prometheus.CounterVec
	limited    *prometheus.CounterVec
	forwards   *prometheus.CounterVec
	refused    prometheus.Counter
	failed     prometheus.Counter
	spills     prometheus.Counter
	lost       prometheus.Counter
	viewsLost  prometheus.Counter
	recordTime prometheus.Histogram
	commitTime prometheus.Histogram
	commitWait prometheus.Histogram
	batchSize  prometheus.Histogram
	forwarding prometheus.Gauge

	// series holds the counters that were used, so that counting costs a look-up.
	series   sync.Map
	distinct atomic.Int64
	byStatus [600]atomic.Pointer[prometheus.Counter]
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
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
	}
	vec := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
	}
	seconds := func(name, help string) prometheus.Histogram {
		return prometheus.NewHistogram(prometheus.HistogramOpts{Name: name, Help: help, Buckets: prometheus.ExponentialBuckets(0.000125, 2, 16)})
	}
	m := &Metrics{
		deliveries: vec("payctl_deliveries_total", "Deliveries committed, by provider, event and verdict.", "provider", "event", "verdict"),
		answers:    vec("payctl_answers_total", "Answers sent, by HTTP status.", "code"),
		limited:    vec("payctl_limited_total", "Requests refused by a limit.", "limit"),
		forwards:   vec("payctl_forwards_total", "Attempts to forward, by result.", "result"),
		refused:    counter("payctl_connections_refused_total", "Connections of peers that held too many."),
		failed:     counter("payctl_records_failed_total", "Deliveries that the ledger could not take."),
		spills:     counter("payctl_spilled_total", "Deliveries kept outside the ledger."),
		lost:       counter("payctl_refused_deliveries_total", "Deliveries that could be kept nowhere and were answered 503."),
		viewsLost:  counter("payctl_views_lost_total", "Deliveries that were not shown because the output was too slow."),
		recordTime: seconds("payctl_record_seconds", "Time from handing a delivery to the ledger to its commit."),
		commitTime: seconds("payctl_commit_seconds", "Time of one commit of the ledger, fsync included."),
		commitWait: seconds("payctl_commit_wait_seconds", "Time that other processes held the ledger before a commit."),
		forwarding: prometheus.NewGauge(prometheus.GaugeOpts{Name: "payctl_forwards_in_flight", Help: "Attempts to forward that are under way."}),
		batchSize: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "payctl_commit_batch_size", Help: "Writes that shared one commit.", Buckets: prometheus.ExponentialBuckets(1, 2, 11),
		}),
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(
		m.deliveries, m.answers, m.limited, m.forwards, m.refused, m.failed, m.spills, m.lost, m.viewsLost,
		m.recordTime, m.commitTime, m.commitWait, m.batchSize, m.forwarding,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	m.gauges(registry)
	m.handler = promhttp.HandlerFor(registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4})
	return m
}

// gauges registers what is read from the server when somebody asks.
func (m *Metrics) gauges(registry *prometheus.Registry) {
	gauge := func(name, help string, read func(*Server) float64) {
		registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, func() float64 {
			s := m.server.Load()
			if s == nil {
				return 0
			}
			return read(s)
		}))
	}
	gauge("payctl_deliveries_in_flight", "Deliveries that wait for the ledger.", func(s *Server) float64 { return float64(len(s.inFlight)) })
	gauge("payctl_body_bytes", "Memory held by large bodies being read.", func(s *Server) float64 { return float64(s.memory.used.Load()) })
	gauge("payctl_spilled_files", "Deliveries that wait in the spill directory.", func(s *Server) float64 {
		files, _ := s.spill.waiting()
		return float64(files)
	})
	gauge("payctl_forwards_remembered", "Forwards whose order the forwarder keeps.", func(s *Server) float64 { return float64(s.forward.held.Load()) })
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
	gauge("payctl_views_waiting", "Deliveries that wait to be shown.", func(s *Server) float64 { return float64(len(s.views.queue)) })
}

// watch has the gauges read from a server.
func (m *Metrics) watch(s *Server) { m.server.Store(s) }

// Commit observes a commit of the ledger: hand it to the store as OnCommit.
func (m *Metrics) Commit(c store.CommitStats) {
	m.commitTime.Observe(c.Took.Seconds())
	m.commitWait.Observe(c.Waited.Seconds())
	m.batchSize.Observe(float64(c.Jobs))
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
		c, _ = m.series.LoadOrStore(key, m.deliveries.WithLabelValues(string(key.provider), clean(key.event), string(key.verdict)))
	}
	if counter, ok := c.(prometheus.Counter); ok {
		counter.Inc()
	}
}

// answered counts an answer.
func (m *Metrics) answered(status int) {
	if status < 0 || status >= len(m.byStatus) {
		status = 0
	}
	c := m.byStatus[status].Load()
	if c == nil {
		fresh := m.answers.WithLabelValues(strconv.Itoa(status))
		m.byStatus[status].Store(&fresh)
		c = &fresh
	}
	(*c).Inc()
}

// committed observes a delivery's way into the ledger.
func (m *Metrics) committed(took time.Duration) { m.recordTime.Observe(took.Seconds()) }
