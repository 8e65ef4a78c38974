package webhook_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/webhook"
)

func TestSet(t *testing.T) {
	t.Parallel()
	body := `{"z":1,"data":{"amount":"5.00","list":[{"n":1.50},null],"a":"<é>"}}`
	tests := []struct {
		name string
		sets []string
		want string
		bad  bool
	}{
		{name: "nothing", want: body},
		{name: "text stays text", sets: []string{"data.amount=7"}, want: `{"z":1,"data":{"amount":"7","list":[{"n":1.50},null],"a":"<é>"}}`},
		{name: "a number in a list", sets: []string{"data.list.0.n=2.00", "data.list.1=true"}, want: `{"z":1,"data":{"amount":"5.00","list":[{"n":2.00},true],"a":"<é>"}}`},
		{name: "value with an equals sign", sets: []string{"data.a=x=y"}, want: `{"z":1,"data":{"amount":"5.00","list":[{"n":1.50},null],"a":"x=y"}}`},
		{name: "no such member", sets: []string{"data.nothing=1"}, bad: true},
		{name: "no such place", sets: []string{"data.list.2=1"}, bad: true},
		{name: "inside a value", sets: []string{"z.deeper=1"}, bad: true},
		{name: "not JSON", sets: []string{"z=one"}, bad: true},
		{name: "no value", sets: []string{"data"}, bad: true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := webhook.Set([]byte(body), tt.sets)
			if tt.bad {
				if payment.KindOf(err) != payment.KindUsage {
					t.Errorf("got %v, want a usage error", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, string(got)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func FuzzSet(f *testing.F) {
	f.Add([]byte(`{"a":{"b":[1,2]}}`), "a.b.1=3")
	f.Fuzz(func(t *testing.T, body []byte, assignment string) {
		out, err := webhook.Set(body, []string{assignment})
		if err != nil {
			return
		}
		if again, err := webhook.Set(out, []string{assignment}); err != nil || string(again) != string(out) {
			t.Errorf("setting %q twice: %q, then %q, %v", assignment, out, again, err)
		}
	})
}
