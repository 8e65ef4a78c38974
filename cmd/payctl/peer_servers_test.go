package main

import (
	"os"
	"slices"
	"strings"
	"testing"
)

// Emulators of Daraja by others as servers for payctl. Each runs already, on this machine, and PEERS_SERVERS names those
// that do, such as "daraja-mcp=http://127.0.0.1:7071 daraja-local=http://127.0.0.1:8080"; the others are left out, and
// the log says so. -v prints the table that README keeps.
func TestPeerServers(t *testing.T) {
	t.Parallel()
	at := map[string]string{}
	for pair := range strings.FieldsSeq(os.Getenv("PEERS_SERVERS")) {
		name, address, _ := strings.Cut(pair, "=")
		at[name] = address
	}
	if len(at) == 0 {
		t.Skip("SKIPPED, NOT TESTED against servers of others: PEERS_SERVERS names none that runs here")
	}
	flows := peerFlows()
	columns := []string{"push", "callback", "query"}
	for _, f := range flows {
		columns = append(columns, f.name)
	}
	table := []string{"| server | " + strings.Join(columns, " | ") + " |", strings.Repeat("|---", len(columns)+1) + "|"}
	for _, peer := range []struct {
		name, from string
		// lacks are the flows that it answers with 404.
		lacks []string
		// differs are its answers that are not the gateway's, and what payctl says of them.
		differs map[string]string
	}{
		{
			"daraja-mcp", "github.com/parseen254/daraja-mcp at b8085bb, its simulator", nil,
			map[string]string{"status": "not about the one that was asked for", "pull": "more than 1000 pages"},
		},
		{
			"daraja-local", "github.com/alex-migwi/daraja-local at 21b70e3",
			[]string{"status", "c2b register", "c2b simulate", "balance", "reversal", "pull", "qr"},
			map[string]string{"push": "Expected number, received string"},
		},
	} {
		address, running := at[peer.name]
		if !running {
			t.Logf("left out: %s (%s): PEERS_SERVERS does not name it", peer.name, peer.from)
			continue
		}
		s := newShop(t, address, "")
		s.env = append(s.env, "PAYCTL_DARAJA_CONSUMER_KEY=consumer_key", "PAYCTL_DARAJA_CONSUMER_SECRET=consumer_secret")
		s.env = append(s.env, "PAYCTL_CALLBACK_URL="+s.listen())
		line := "| " + peer.name + " | " + strings.Join(s.pushAt(peer.differs["push"]), " | ")
		for _, f := range flows {
			got, cell := s.run(f.args...), "ok"
			said, differs := peer.differs[f.name]
			switch {
			case slices.Contains(peer.lacks, f.name) && strings.Contains(got.stderr, "HTTP 404"):
				cell = "–"
			case differs && got.code != 0 && strings.Contains(got.stderr, said):
				cell = "differs"
			case got.code != 0:
				cell = "failed"
				t.Errorf("%s: %s: exit %d\n%s%s", peer.name, f.name, got.code, got.stdout, got.stderr)
			}
			line += " | " + cell
		}
		table = append(table, line+" |")
	}
	t.Log("\n" + strings.Join(table, "\n"))
}

type peerFlow struct {
	name string
	args []string
}

// peerFlows are the calls beside the push.
func peerFlows() []peerFlow {
	return []peerFlow{
		{"status", strings.Fields("transaction status UA2K7QX9ZP --timeout 20s")},
		{"c2b register", strings.Fields("daraja c2b register")},
		{"c2b simulate", strings.Fields("daraja c2b simulate --phone 254712345678 --amount 10 --reference INV-9")},
		{"balance", strings.Fields("daraja balance --timeout 20s")},
		{"reversal", strings.Fields("daraja reversal create --receipt UA2K7QX9ZP --amount 100 --remarks wrong --timeout 20s")},
		{"pull", strings.Fields("daraja pull list -o ndjson")},
		{"qr", strings.Fields("daraja qr --merchant SHOP --amount 10 --reference INV-1 --output-file qr.png")},
	}
}

// pushAt asks for a payment and returns what became of the push, its callback and its query;
// differs is what payctl says of an answer that is not the gateway's, "" where it is.
func (s *shop) pushAt(differs string) []string {
	s.t.Helper()
	cells := []string{"failed", "failed", "failed"}
	asked := s.run(strings.Fields("deposit create --phone 254712345678 --amount 100 --reference INV-1 -o json")...)
	switch {
	case differs != "" && asked.code != 0 && strings.Contains(asked.stderr, differs):
		return []string{"differs", "–", "–"}
	case asked.code != 0:
		s.t.Errorf("push: exit %d\n%s%s", asked.code, asked.stdout, asked.stderr)
		return cells
	}
	cells[0] = "ok"
	waited := s.run(strings.Fields("status watch INV-1 --via callback --timeout 20s")...)
	if d := s.deposit("INV-1"); waited.code != 0 || d["status"] != "COMPLETED" || d["receipt"] == nil || d["decided_by"] != "callback" {
		s.t.Errorf("callback: exit %d\n%s%s", waited.code, waited.stdout, waited.stderr)
	} else {
		cells[1] = "ok"
	}
	if got := s.run(strings.Fields("deposit create --phone 254712345678 --amount 200 --reference INV-2 -o json")...); got.code != 0 {
		s.t.Errorf("second push: exit %d\n%s%s", got.code, got.stdout, got.stderr)
	}
	if asked := s.run("status", "get", "INV-2"); asked.code != 0 {
		s.t.Errorf("query: exit %d\n%s%s", asked.code, asked.stdout, asked.stderr)
	} else {
		cells[2] = "ok"
	}
	return cells
}
