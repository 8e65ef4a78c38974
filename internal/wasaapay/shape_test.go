package wasaapay

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/secret"
)

// A verdict does not depend on what was read before: an environment or an id that is no
// simple value was taken for absent in a body whose like was known already.
func TestVerdictsDoNotDependOnWhatWasRead(t *testing.T) {
	t.Parallel()
	for _, data := range []string{
		`"environment":["PRODUCTION"],"data":{"depositId":"dep_1"}`,
		`"environment":{"is":"PRODUCTION"},"data":{"depositId":"dep_1"}`,
		`"environment":"SANDBOX","data":{"depositId":["dep_1"]}`,
		`"environment":"SANDBOX","data":{"reference":{"is":1},"depositId":"dep_1"}`,
	} {
		body, err := Sign([]byte(`{"event":"deposit.completed",`+data+`}`), secret.New(vectorSecret))
		if err != nil {
			t.Fatal(err)
		}
		r := NewReceiver(payment.Sandbox, secretsOf(vectorSecret))
		first := r.Inspect(payment.Delivery{Body: body})
		if first.Verdict == payment.VerdictValid {
			t.Errorf("%s: valid", body)
		}
		for range 3 {
			if again := r.Inspect(payment.Delivery{Body: body}); again.Verdict != first.Verdict || again.Reason != first.Reason {
				t.Errorf("%s: %s (%s), then %s (%s)", body, first.Verdict, first.Reason, again.Verdict, again.Reason)
			}
		}
	}
}

// TestShapeWidens: a shape proves bodies that differ from the ones before in ever more
// values, with the places of the fields, and no body that is not canonical.
func TestShapeWidens(t *testing.T) {
	t.Parallel()
	make := func(event, id, attempts, test, note string) []byte {
		return fmt.Appendf(nil, `{"event":"%s","signature":"sha256=0","data":{"depositId":"%s","attempts":%s,"test":%s,"note":"%s"}}`, event, id, attempts, test, note)
	}
	warm := prover{names: newNameSet()}
	for _, body := range [][]byte{
		make("a", "1", "3", "true", "x"),
		make("a", "1", "3", "true", "x"),
		make("a", "longer than before", "3", "true", "x"),
		make("a", "1", "31", "true", "x"),
		make("a", "1", "3", "null", "x"),
		make("a", "", "0.5", "false", "Wanjikũ \\\" x"),
		make("b", "1", "3", "true", "x"),
		make("a", "1", "3", "true", "x\\/"),
		make("a", "1", "03", "true", "x"),
		make("a", "1", "3.0", "true", "x"),
		make("a", "1", "3", "True", "x"),
		make("a", "1\",\"depositId\":\"2", "3", "true", "x"),
		make("a", "1", "3", "true", "x\",\"y\":\"z"),
		make("a", "1", "3", "true", ""),
		append(make("a", "1", "3", "true", "x"), ' '),
		bytes.TrimSuffix(make("a", "1", "3", "true", "x"), []byte("}")),
		[]byte(`{"event":"a"`),
	} {
		fresh := prover{names: newNameSet()}
		var want, got fields
		if w, g := fresh.prove(body, &want), warm.prove(body, &got); w != g || w && (want != got || fresh.signature != warm.signature || fresh.cut != warm.cut) {
			t.Errorf("%s: got %v %v %v, want %v %v %v", body, g, warm.signature, got, w, fresh.signature, want)
		}
	}
	if n := len(warm.shapes.known); n != 3 {
		t.Errorf("%d shapes, want 3", n)
	}
}
