package secret

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const value = "sk_sandbox_Zq3vT0aB9cD8eF7gH6"

// settings holds a secret as adapters do: by pointer, also in an unexported
// field, whose methods fmt does not call.
type settings struct {
	Key    *Secret `json:"key"`
	hidden *Secret
	nested struct{ deep *Secret }
	list   []*Secret
}

// TestNothingReveals prints a secret in every way and looks for its text, its
// bytes and its hexadecimal form.
func TestNothingReveals(t *testing.T) {
	t.Parallel()
	s := New(value)
	all := settings{Key: s, hidden: s, list: []*Secret{s}}
	all.nested.deep = s
	decimal := strings.Trim(fmt.Sprintf("%d", []byte(value)), "[]")
	marks := []string{value, value[11:], fmt.Sprintf("%x", value), fmt.Sprintf("%X", value), decimal}
	check := func(way, text string) {
		t.Helper()
		for _, mark := range marks {
			if strings.Contains(text, mark) {
				t.Errorf("%s reveals the secret: %s", way, text)
			}
		}
	}
	for verb := range strings.SplitSeq("v +v #v s q d x X o b c U e g t p T w 10s -5q .3s 08d", " ") {
		format := "%" + verb
		for _, v := range []any{s, *s, &s, all, &all, []*Secret{s}, map[string]*Secret{"k": s}, struct{ *Secret }{s}, struct{ Secret }{*s}} {
			check(fmt.Sprintf("%s of %T", format, v), fmt.Sprintf(format, v))
		}
	}
	check("Sprint", fmt.Sprint(s, all)+fmt.Sprintln(s, all))
	check("an error", fmt.Errorf("key %v: %w", s, errors.New("refused")).Error())
	for _, v := range []any{s, *s, all, &all, []*Secret{s}, []Secret{*s}, map[string]*Secret{"k": s}} {
		text, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		check(fmt.Sprintf("JSON of %T", v), string(text))
	}
	var b strings.Builder
	for _, h := range []slog.Handler{slog.NewTextHandler(&b, nil), slog.NewJSONHandler(&b, nil)} {
		slog.New(h).Info("x", "secret", s, "value", *s, "settings", all, "pointer", &all, slog.Group("g", "s", s))
	}
	check("slog", b.String())
}

func TestPrintsAsRedacted(t *testing.T) {
	t.Parallel()
	s := New(value)
	text, err := json.Marshal(settings{Key: s})
	if err != nil {
		t.Fatal(err)
	}
	got := []string{fmt.Sprintf("%v|%s|%d|%q|%#v", s, s, s, s, s), string(text), s.LogValue().String()}
	want := []string{`[redacted]|[redacted]|[redacted]|"[redacted]"|[redacted]`, `{"key":"[redacted]"}`, "[redacted]"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("printed (-want +got):\n%s", diff)
	}
}

func TestReveal(t *testing.T) {
	t.Parallel()
	var none *Secret
	type view struct {
		Value, Masked string
		Set           bool
	}
	for _, c := range []struct {
		s    *Secret
		want view
	}{
		{none, view{}},
		{New(""), view{}},
		{New(value), view{value, "sk_sandbox_****", true}},
		{New("ppk_live_1234567890abcdef"), view{"ppk_live_1234567890abcdef", "ppk_live_****", true}},
		{New("short_key"), view{"short_key", "****", true}},
		{New("0123456789abcdef"), view{"0123456789abcdef", "****", true}},
		{New("nounderscoreuntil_late"), view{"nounderscoreuntil_late", "****", true}},
	} {
		if diff := cmp.Diff(c.want, view{c.s.Reveal(), c.s.Masked(), c.s.IsSet()}); diff != "" {
			t.Errorf("secret (-want +got):\n%s", diff)
		}
	}
	if text := fmt.Sprintf("%v %d", none, none); strings.Contains(text, "PANIC") {
		t.Errorf("printing no secret: %s", text)
	}
}
