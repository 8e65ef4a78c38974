package emulator_test

import (
	"encoding/json"
	"testing"

	"github.com/payctl/payctl/internal/emulator"
)

// stkRun is what testdata/stk.js prints.
type stkRun struct {
	Error  string
	Answer json.RawMessage
	Push   struct{ ResponseCode, CheckoutRequestID string }

	Callback struct {
		CheckoutRequestID string
		ResultCode        int
		ResultDesc        string
	}
	Query   struct{ ResponseCode, ResultCode, CheckoutRequestID string }
	Receipt string
	Status  struct{ ResponseCode string }
	Result  struct {
		ResultCode    int
		TransactionID string
	}
}

// The packages mpesa-node and mpesa-api, unmodified, complete a push, its callback, a query and a transaction status:
// by base URL where the package has one, and through the proxy with the hosts that are written into them.
func TestNPMPush(t *testing.T) {
	t.Parallel()
	modules := nodeModules(t)
	for _, tt := range []struct {
		name, sdk string
		proxied   bool
		args      []string
	}{
		{"mpesa-node by base URL", "mpesa-node", false, nil},
		{"mpesa-node through the proxy", "mpesa-node", true, nil},
		// Node's own https knows no proxy before version 24; global-agent teaches it that from outside the application.
		{"mpesa-api through the proxy", "mpesa-api", true, []string{"-r", "global-agent/bootstrap"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t, 0)
			options := map[string]any{"sdk": tt.sdk, "creds": emulator.Credentials(), "certificate": h.certificate}
			env := []string{"NODE_PATH=" + modules}
			if tt.proxied {
				env = append(env, "HTTPS_PROXY="+h.proxy, "GLOBAL_AGENT_HTTP_PROXY="+h.proxy, "NODE_EXTRA_CA_CERTS="+h.ca)
			} else {
				options["baseURL"] = h.url
			}
			for phone, code := range map[string]int{"254712345678": 0, "254712340001": 1032, "254712340104": 2001} {
				options["phone"] = phone
				arg, err := json.Marshal(options)
				if err != nil {
					t.Fatal(err)
				}
				var got stkRun
				decode(t, node(t, "", env, append(tt.args, "testdata/stk.js", string(arg))...), &got)
				checkRun(t, &got, code)
				if t.Failed() {
					t.Fatalf("phone %s:\n%+v\n%s", phone, got, h.log())
				}
			}
		})
	}
}

func checkRun(t *testing.T, got *stkRun, code int) {
	t.Helper()
	id := got.Push.CheckoutRequestID
	if got.Error != "" || got.Push.ResponseCode != "0" || id == "" {
		t.Errorf("push: %s %s", got.Error, got.Answer)
		return
	}
	if got.Callback.CheckoutRequestID != id || got.Callback.ResultCode != code {
		t.Errorf("callback %+v, want code %d", got.Callback, code)
	}
	if want, _ := json.Marshal(code); got.Query.ResponseCode != "0" || got.Query.CheckoutRequestID != id || got.Query.ResultCode != string(want) {
		t.Errorf("query %+v, want code %d", got.Query, code)
	}
	if code == 0 && (len(got.Receipt) != 10 || got.Status.ResponseCode != "0" || got.Result.ResultCode != 0 || got.Result.TransactionID == "") {
		t.Errorf("receipt %q, status %+v, result %+v", got.Receipt, got.Status, got.Result)
	}
}
