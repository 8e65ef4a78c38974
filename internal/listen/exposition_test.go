package listen

import (
	"bytes"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
)

// TestExposition has Prometheus's own library judge the page: its linter reads
// all of it, and its registry, fed the same, writes the same.
func TestExposition(t *testing.T) {
	t.Parallel()
	m := NewMetrics()
	m.answered(200)
	m.limited.with("peer").inc()
	m.recordTime.observe(0.004)
	problems, err := promlint.New(bytes.NewReader(m.registry.page())).Lint()
	if err != nil || len(problems) > 0 {
		t.Errorf("the linter says %v, %v", problems, err)
	}

	var ours registry
	reference := prometheus.NewRegistry()
	odd := []string{"", `a "quoted" \ text`, "two\nlines", "umlaut ü", "deposit.completed"}
	counted, theirs := ours.counters("x_total", "Odd labels.", "a", "b"), prometheus.NewCounterVec(prometheus.CounterOpts{Name: "x_total", Help: "Odd labels."}, []string{"a", "b"})
	for i, v := range odd {
		for range i + 1 {
			counted.with(v, "b").inc()
			theirs.WithLabelValues(v, "b").Inc()
		}
	}
	observed := ours.histogram("y_seconds", "Times.", 0.000125, 16)
	histogramTheirs := prometheus.NewHistogram(prometheus.HistogramOpts{Name: "y_seconds", Help: "Times.", Buckets: prometheus.ExponentialBuckets(0.000125, 2, 16)})
	for _, v := range []float64{0, 0.0001, 0.000125, 0.00025, 0.3, 4.095, 4.096, 4.097, 1e9} {
		observed.observe(v)
		histogramTheirs.Observe(v)
	}
	ours.gauge("z_bytes", "Large.", func() float64 { return 123456789012 })
	large := prometheus.NewGauge(prometheus.GaugeOpts{Name: "z_bytes", Help: "Large."})
	large.Set(123456789012)
	reference.MustRegister(theirs, histogramTheirs, large)
	if err := testutil.GatherAndCompare(reference, bytes.NewReader(ours.page())); err != nil {
		t.Error(err)
	}
}
