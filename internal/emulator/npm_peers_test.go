package emulator_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/payctl/payctl/internal/emulator"
)

// Clients of others as shipped, with the gateway's host that is written into them and every flow that they have, against
// the emulator; -v prints the table that README keeps.
func TestPeers(t *testing.T) {
	t.Parallel()
	modules := nodeModules(t)
	columns := []string{"push", "query", "status", "c2b register", "c2b simulate", "b2c", "b2b", "balance", "reversal"}
	table := []string{"| client | " + strings.Join(columns, " | ") + " |", strings.Repeat("|---", len(columns)+1) + "|"}
	for _, peer := range []struct {
		sdk, version string
		lacks        []string // what the package has no flow for
		args         []string
		refused      map[string]string // what its defaults get wrong, and how the gateway says so
	}{
		{"mpesa-node", "0.1.3", nil, nil, nil},
		{"mpesa-api", "3.0.2", []string{"b2b"}, []string{"-r", "global-agent/bootstrap"}, nil},
		{"daraja.js", "1.0.2", []string{"b2b"}, nil, map[string]string{"reversal": "Invalid RecieverIdentifierType"}},
		// Its other flows seal the password with a certificate of Safaricom's that it holds.
		{"daraja", "1.0.1", []string{"status", "b2c", "b2b", "balance", "reversal"}, nil, nil},
		{"mpesa-express", "1.0.6", []string{"status", "b2b", "reversal"}, nil, nil},
		{"mpesa", "1.0.5", []string{"push", "query", "status", "balance", "reversal"}, nil, nil}, // receives alone
	} {
		h := newHouse(t, 0)
		arg, err := json.Marshal(map[string]any{"sdk": peer.sdk, "creds": emulator.Credentials(), "certificate": h.certificate, "phone": "254712345678"})
		if err != nil {
			t.Fatal(err)
		}
		env := []string{"NODE_PATH=" + modules, "HTTPS_PROXY=" + h.proxy, "GLOBAL_AGENT_HTTP_PROXY=" + h.proxy, "NODE_EXTRA_CA_CERTS=" + h.ca}
		var flows map[string]string
		decode(t, node(t, "", env, append(peer.args, "testdata/peers.js", string(arg))...), &flows)
		line := fmt.Sprintf("| %s %s |", peer.sdk, peer.version)
		for _, flow := range columns {
			got := flows[flow]
			wrong := peer.refused[flow]
			switch {
			case slices.Contains(peer.lacks, flow):
				got = "–"
			case wrong != "" && strings.Contains(got, wrong):
				got = "refused"
			case got != "ok":
				t.Errorf("%s, %s: %s\n%s", peer.sdk, flow, got, h.log())
			}
			line += " " + got + " |"
		}
		table = append(table, line)
	}
	t.Log("\n" + strings.Join(table, "\n"))
}
