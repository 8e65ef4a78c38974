package webhook_test

import (
	"strings"
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

func TestEdit(t *testing.T) {
	t.Parallel()
	const body = `{"z":1,"data":{"amount":"5.00","list":[{"n":1.50},null],"none":null}}`
	for name, tt := range map[string]struct {
		edit webhook.Edit
		want string
		bad  string
	}{
		"brackets":         {edit: webhook.Edit{Set: []string{"data.list[0].n=2"}}, want: `{"z":1,"data":{"amount":"5.00","list":[{"n":2},null],"none":null}}`},
		"another type":     {edit: webhook.Edit{SetJSON: []string{`data.amount=5.00`}}, want: `{"z":1,"data":{"amount":5.00,"list":[{"n":1.50},null],"none":null}}`},
		"a new member":     {edit: webhook.Edit{SetJSON: []string{`data.note="late"`}}, want: `{"z":1,"data":{"amount":"5.00","list":[{"n":1.50},null],"none":null,"note":"late"}}`},
		"new, deep":        {edit: webhook.Edit{SetJSON: []string{`a.b[0].c=[1]`}}, want: `{"z":1,"data":{"amount":"5.00","list":[{"n":1.50},null],"none":null},"a":{"b":[{"c":[1]}]}}`},
		"in place of null": {edit: webhook.Edit{SetJSON: []string{`data.none.x=1`, `data.list[2]=2`}}, want: `{"z":1,"data":{"amount":"5.00","list":[{"n":1.50},null,2],"none":{"x":1}}}`},
		"unset":            {edit: webhook.Edit{Unset: []string{"data.list[0]", "z", "data.none"}}, want: `{"data":{"amount":"5.00","list":[null]}}`},
		"in order":         {edit: webhook.Edit{Unset: []string{"z"}, Set: []string{"z=2"}, SetJSON: []string{"y=1"}}, want: `{"data":{"amount":"5.00","list":[{"n":1.50},null],"none":null},"y":1}`},
		"unset missing":    {edit: webhook.Edit{Unset: []string{"data.nothing"}}, bad: `unset data.nothing: there is no "nothing"`},
		"no hole":          {edit: webhook.Edit{SetJSON: []string{"data.list[3]=1"}}, bad: `set-json data.list[3]: "3" is not a place in a list of 2`},
		"not JSON":         {edit: webhook.Edit{SetJSON: []string{"z=one"}}, bad: `set-json z: "one" is not JSON`},
		"inside a value":   {edit: webhook.Edit{SetJSON: []string{"z.x=1"}}, bad: `set-json z.x: "x" is inside a single value`},
		"bad brackets":     {edit: webhook.Edit{Set: []string{"data.list[a]=1"}}, bad: "set data.list[a]: its brackets"},
		"an open bracket":  {edit: webhook.Edit{Unset: []string{"data.list[0"}}, bad: "unset data.list[0: its brackets"},
		"an empty step":    {edit: webhook.Edit{Unset: []string{"data..list"}}, bad: "unset data..list: has an empty step"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := tt.edit.Apply([]byte(body))
			if tt.bad != "" {
				if payment.KindOf(err) != payment.KindUsage || !strings.HasPrefix(err.Error(), tt.bad) {
					t.Errorf("got %v, want %s", err, tt.bad)
				}
				return
			}
			if diff := cmp.Diff(tt.want, string(got)); err != nil || diff != "" {
				t.Errorf("%v (-want +got):\n%s", err, diff)
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
