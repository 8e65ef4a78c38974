package webhook_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/payctl/payctl/internal/provider"
	"github.com/payctl/payctl/internal/secret"
	"github.com/payctl/payctl/internal/wasaapay"
	"github.com/payctl/payctl/internal/webhook"
)

const benchSecret = "test-webhook-secret-01"

// archiveLines returns n signed payloads of about 1.2 KB as WasaaPay sends
// them, one a line.
func archiveLines(tb testing.TB, n int) []byte {
	tb.Helper()
	var out bytes.Buffer
	for i := range n {
		id := strconv.Itoa(100000 + i)
		body := `{"event":"deposit.completed","timestamp":"2026-03-02T08:15:00Z","partnerId":"partner_t1","environment":"SANDBOX","data":{` +
			`"depositId":"dep_` + id + `","reference":"DEP-20260302-` + id + `","externalReference":"INV-` + id + `","walletId":"wallet_t9",` +
			`"amount":"` + strconv.Itoa(1+i*i%70001) + `.00","fee":"0.00","currency":"KES","status":"COMPLETED","provider":"MPESA","method":"MOBILE_MONEY","phoneNumber":"+254700` + id + `",` +
			`"providerReference":"ws_CO_02032026111500123456","receiptNumber":"TST0` + id + `","initiatedAt":"2026-03-02T08:15:00.000Z","completedAt":"2026-03-02T08:15:` + id[4:] + `.118Z",` +
			`"description":"School fees for the second term, paid in two parts; \"thank you\" says the bursar","attempts":3,"rate":0.0125,"test":false,"parent":null,` +
			`"tags":["school","fees","term 2","nairobi"],"customer":{"name":"Wanjikũ wa Kamaũ","email":"wanjiku@example.org","city":"Nyeri","joined":2019},` +
			`"items":[{"sku":"FEES-2","quantity":1,"price":"200.00"},{"sku":"LUNCH-2","quantity":1,"price":"50.00"}],` +
			`"metadata":{"invoice":"INV-77","ledger":"4100-22","approvedBy":"bursar@school.example","note":"balance is carried over to the third term"}}}`
		signed, err := wasaapay.Sign([]byte(body), secret.New(benchSecret))
		if err != nil {
			tb.Fatal(err)
		}
		out.Write(signed)
		out.WriteByte('\n')
	}
	return out.Bytes()
}

// again reads the same bytes so many times, and looks at the heap meanwhile.
type again struct {
	data  []byte
	at    int
	times int
	reads int
	most  uint64
}

func (a *again) Read(p []byte) (int, error) {
	if a.at == len(a.data) {
		a.at, a.times = 0, a.times-1
	}
	if a.times <= 0 {
		return 0, io.EOF
	}
	if a.reads++; a.reads%8 == 0 {
		var stats runtime.MemStats
		runtime.ReadMemStats(&stats)
		a.most = max(a.most, stats.HeapInuse)
	}
	n := copy(p, a.data[a.at:])
	a.at += n
	return n, nil
}

func wasaapayArchive(tb testing.TB) *webhook.Archive {
	tb.Helper()
	v := &webhook.Verification{Providers: provider.Builtin(), Now: time.Now, Secrets: func(context.Context, provider.Row) ([]*secret.Secret, error) {
		return []*secret.Secret{secret.New(benchSecret)}, nil
	}}
	return v.Archive(tb.Context(), "archive.ndjson", func(dst []byte, index int, j webhook.Judged) []byte {
		return j.AppendLine(dst, "archive.ndjson", index)
	})
}

// Seven times as much to read takes no more memory.
func TestArchiveMemoryIsConstant(t *testing.T) {
	data := archiveLines(t, 2000)
	most := map[int]uint64{}
	for _, times := range []int{3, 20} {
		r := &again{data: data, times: times}
		got, err := wasaapayArchive(t).Verify(t.Context(), r, io.Discard)
		if err != nil || got.Valid != 2000*times {
			t.Fatalf("%d times: %+v, %v", times, got, err)
		}
		most[times] = r.most
	}
	if most[20] > most[3]+16<<20 {
		t.Errorf("%d MB of heap at most for 7 MB, %d MB for 48 MB", most[3]>>20, most[20]>>20)
	}
}

// BenchmarkArchive shows MB/s of the whole pipeline on all cores, beside plain
// HMAC of the same bytes on one core and beside Node doing the vendor's check.
func BenchmarkArchive(b *testing.B) {
	data := archiveLines(b, 20000)
	b.Run("hmac-one-core", func(b *testing.B) {
		mac := hmac.New(sha256.New, []byte(benchSecret))
		b.SetBytes(int64(len(data)))
		for b.Loop() {
			for line := range bytes.Lines(data) {
				mac.Reset()
				_, _ = mac.Write(line)
				_ = mac.Sum(nil)
			}
		}
	})
	for _, workers := range []int{1, 0} {
		name := "verify-one-worker"
		if workers == 0 {
			name = "verify-all-cores"
		}
		b.Run(name, func(b *testing.B) {
			archive := wasaapayArchive(b)
			archive.Workers = workers
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			for b.Loop() {
				got, err := archive.Verify(b.Context(), bytes.NewReader(data), io.Discard)
				if err != nil || got.Valid != 20000 {
					b.Fatalf("%+v, %v", got, err)
				}
			}
		})
	}
	b.Run("node", func(b *testing.B) { benchNode(b, data) })
}

// nodeVerify is the vendor's check as a Node script would do it for an archive.
const nodeVerify = `
const fs = require("fs"), crypto = require("crypto");
const lines = fs.readFileSync(process.argv[1], "utf8").split("\n");
const started = process.hrtime.bigint();
let valid = 0, out = [];
for (let i = 0; i < lines.length; i++) {
  if (!lines[i]) continue;
  const {signature, ...rest} = JSON.parse(lines[i]);
  const sum = "sha256=" + crypto.createHmac("sha256", process.env.WEBHOOK_SECRET).update(JSON.stringify(rest)).digest("hex");
  const ok = sum.length === signature.length && crypto.timingSafeEqual(Buffer.from(sum), Buffer.from(signature));
  if (ok) valid++;
  out.push(JSON.stringify({source: "archive.ndjson", index: i, event: rest.event, verdict: ok ? "valid" : "mismatch"}));
}
fs.writeFileSync(process.argv[2], out.join("\n"));
console.log(valid, Number(process.hrtime.bigint() - started));
`

func benchNode(b *testing.B, data []byte) {
	node, err := exec.LookPath("node")
	if err != nil {
		b.Skip("NOTE: node is not installed; there is nothing to compare with")
	}
	dir := b.TempDir()
	path := filepath.Join(dir, "archive.ndjson")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		b.Fatal(err)
	}
	var spent time.Duration
	rounds := 0
	for b.Loop() {
		cmd := exec.CommandContext(b.Context(), node, "-e", nodeVerify, path, filepath.Join(dir, "out"))
		cmd.Env = append(os.Environ(), "WEBHOOK_SECRET="+benchSecret)
		out, err := cmd.Output()
		if err != nil {
			b.Fatal(err)
		}
		fields := strings.Fields(string(out))
		if len(fields) != 2 || fields[0] != "20000" {
			b.Fatalf("node says %q", out)
		}
		ns, err := strconv.ParseInt(fields[1], 10, 64)
		if err != nil {
			b.Fatal(err)
		}
		spent += time.Duration(ns)
		rounds++
	}
	// Node's own start is not counted.
	b.ReportMetric(float64(rounds)*float64(len(data))/1e6/spent.Seconds(), "MB/s")
}

// BenchmarkArchiveTwoMillion reads two million payloads, 2.4 GB, once and
// reports the most heap that was in use.
func BenchmarkArchiveTwoMillion(b *testing.B) {
	data := archiveLines(b, 20000)
	var most uint64
	b.SetBytes(100 * int64(len(data)))
	for b.Loop() {
		r := &again{data: data, times: 100}
		got, err := wasaapayArchive(b).Verify(b.Context(), r, io.Discard)
		if err != nil || got.Valid != 2000000 {
			b.Fatalf("%+v, %v", got, err)
		}
		most = max(most, r.most)
	}
	b.ReportMetric(float64(most-uint64(len(data)))/1e6, "MB-heap-beside-the-data")
}
