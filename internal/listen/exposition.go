package listen

import (
	"bytes"
	"math"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Prometheus's text format, version 0.0.4, in the few forms that the listener
// needs. Linking Prometheus's client library costs every command of payctl a
// millisecond of initialisation, and lighter ones read files in theirs; tests
// hold this to that library's parser and linter.

// family is a metric with all its series.
type family struct {
	name, kind, help string
	write            func(*page)
}

// page is what a scrape gets.
type page struct{ bytes.Buffer }

// value writes one line; suffix follows the name, labels are `a="b",c="d"` or "".
func (p *page) value(name, suffix, labels string, v float64) {
	p.WriteString(name)
	p.WriteString(suffix)
	if labels != "" {
		p.WriteString("{" + labels + "}")
	}
	p.WriteByte(' ')
	p.WriteString(number(v))
	p.WriteByte('\n')
}

func number(v float64) string {
	if math.IsInf(v, 1) {
		return "+Inf"
	}
	return strconv.FormatFloat(v, 'g', -1, 64)
}

// registry holds families; it is built before it is used.
type registry struct{ families []family }

func (r *registry) add(name, kind, help string, write func(*page)) {
	r.families = append(r.families, family{name: name, kind: kind, help: help, write: write})
	slices.SortFunc(r.families, func(a, b family) int { return strings.Compare(a.name, b.name) })
}

// page writes every family, in the order of names.
func (r *registry) page() []byte {
	var p page
	for _, f := range r.families {
		p.WriteString("# HELP " + f.name + " " + f.help + "\n# TYPE " + f.name + " " + f.kind + "\n")
		f.write(&p)
	}
	return p.Bytes()
}

// gauge is read when somebody asks.
func (r *registry) gauge(name, help string, read func() float64) {
	r.add(name, "gauge", help, func(p *page) { p.value(name, "", "", read()) })
}

// counter only grows.
type counter struct{ n atomic.Uint64 }

func (c *counter) inc() { c.n.Add(1) }

func (r *registry) counter(name, help string) *counter {
	c := &counter{}
	r.add(name, "counter", help, func(p *page) { p.value(name, "", "", float64(c.n.Load())) })
	return c
}

// counters are one counter for each combination of label values.
type counters struct {
	labels []string
	// series maps labels as they are written to a *counter.
	series sync.Map
}

func (r *registry) counters(name, help string, labels ...string) *counters {
	cs := &counters{labels: labels}
	r.add(name, "counter", help, func(p *page) {
		var lines []string
		cs.series.Range(func(key, _ any) bool {
			lines = append(lines, key.(string)) //nolint:forcetypeassert // with stores nothing else
			return true
		})
		slices.Sort(lines)
		for _, line := range lines {
			p.value(name, "", line, float64(cs.written(line).n.Load()))
		}
	})
	return cs
}

// with returns the counter of these values, one for each label.
func (cs *counters) with(values ...string) *counter {
	var line strings.Builder
	for i, value := range values {
		if i > 0 {
			line.WriteByte(',')
		}
		line.WriteString(cs.labels[i] + `="` + escaped(value) + `"`)
	}
	return cs.written(line.String())
}

// escaped writes a label's value; three characters are special in it.
func escaped(value string) string {
	if strings.ContainsAny(value, "\\\"\n") {
		value = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(value)
	}
	return strings.ToValidUTF8(value, "\uFFFD")
}

func (cs *counters) written(line string) *counter {
	c, ok := cs.series.Load(line)
	if !ok {
		c, _ = cs.series.LoadOrStore(line, &counter{})
	}
	return c.(*counter) //nolint:forcetypeassert // nothing else is stored
}

// histogram counts observations up to each bound.
type histogram struct {
	bounds []float64
	mu     sync.Mutex
	counts []uint64
	sum    float64
}

// histogram has n buckets, each twice as wide as the one before.
func (r *registry) histogram(name, help string, first float64, n int) *histogram {
	h := &histogram{counts: make([]uint64, n+1)}
	for range n {
		h.bounds = append(h.bounds, first)
		first *= 2
	}
	r.add(name, "histogram", help, func(p *page) { h.write(p, name) })
	return h
}

func (h *histogram) observe(v float64) {
	i, _ := slices.BinarySearch(h.bounds, v)
	h.mu.Lock()
	h.counts[i]++
	h.sum += v
	h.mu.Unlock()
}

func (h *histogram) write(p *page, name string) {
	h.mu.Lock()
	counts, sum := slices.Clone(h.counts), h.sum
	h.mu.Unlock()
	total := uint64(0)
	for i, n := range counts {
		total += n
		bound := math.Inf(1)
		if i < len(h.bounds) {
			bound = h.bounds[i]
		}
		p.value(name, "_bucket", `le="`+number(bound)+`"`, float64(total))
	}
	p.value(name, "_sum", "", sum)
	p.value(name, "_count", "", float64(total))
}

// process adds what every Go program's dashboard shows, under the usual names.
func (r *registry) process() {
	started := time.Now()
	r.gauge("go_goroutines", "Goroutines that exist.", func() float64 { return float64(runtime.NumGoroutine()) })
	r.add("go_info", "gauge", "The version of Go.", func(p *page) { p.value("go_info", "", `version="`+runtime.Version()+`"`, 1) })
	r.gauge("process_start_time_seconds", "When the listener started, in seconds since 1970.", func() float64 { return float64(started.UnixMilli()) / 1000 })
	memory := func(name, help string, read func(*runtime.MemStats) uint64) {
		r.gauge(name, help, func() float64 {
			var stats runtime.MemStats
			runtime.ReadMemStats(&stats)
			return float64(read(&stats))
		})
	}
	memory("go_memstats_heap_alloc_bytes", "Bytes of objects on the heap.", func(s *runtime.MemStats) uint64 { return s.HeapAlloc })
	memory("go_memstats_sys_bytes", "Bytes taken from the system.", func(s *runtime.MemStats) uint64 { return s.Sys })
	if _, err := os.Stat(descriptorDir); err == nil {
		r.gauge("process_open_fds", "Open file descriptors.", func() float64 {
			open, _ := os.ReadDir(descriptorDir)
			return float64(len(open))
		})
	}
}

// descriptorDir has an entry for each open file, where the system has such a directory.
const descriptorDir = "/proc/self/fd"
