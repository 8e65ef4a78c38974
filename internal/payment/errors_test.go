package payment

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestKindOf(t *testing.T) {
	t.Parallel()
	declined := &Error{Kind: KindDeclined, Message: "not paid"}
	for _, c := range []struct {
		name string
		err  error
		want Kind
	}{
		{"none of ours", errors.New("disk"), KindInternal},
		{"ours", declined, KindDeclined},
		{"wrapped", fmt.Errorf("while watching: %w", declined), KindDeclined},
		{"joined", errors.Join(errors.New("disk"), declined), KindDeclined},
		{"the first of two", fmt.Errorf("%w: %w", NotFound("x", ""), declined), KindNotFound},
		{"outermost wins", &Error{Kind: KindPending, Err: declined}, KindPending},
		{"cancelled", fmt.Errorf("x: %w", context.Canceled), KindInterrupted},
		{"deadline", context.DeadlineExceeded, KindPending},
		{"ours over a cancelled one", &Error{Kind: KindUnavailable, Err: context.Canceled}, KindUnavailable},
		{"usage", Usage("a", "b"), KindUsage},
	} {
		if got := KindOf(c.err); got != c.want {
			t.Errorf("%s: KindOf(%v) = %s, want %s", c.name, c.err, got, c.want)
		}
	}
}

func TestKindNames(t *testing.T) {
	t.Parallel()
	var got []string
	for k := KindInternal; k <= KindInterrupted+1; k++ {
		got = append(got, k.String())
	}
	want := []string{
		"internal", "declined", "unauthorized", "not_found", "bad_signature", "unavailable", "pending", "conflict",
		"usage", "interrupted", "internal",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("names (-want +got):\n%s", diff)
	}
}

func TestError(t *testing.T) {
	t.Parallel()
	e := &Error{Kind: KindUnavailable, Message: "stk push: no answer", Err: errors.Join(ErrOutcomeUnknown, errors.New("secret detail"))}
	if e.Error() != "stk push: no answer" {
		t.Errorf("the text is %q: a cause's text must not be added", e.Error())
	}
	if !errors.Is(fmt.Errorf("x: %w", e), ErrOutcomeUnknown) {
		t.Error("the cause cannot be told")
	}
	if PromptLifetime != 2*time.Minute {
		t.Errorf("a prompt lives %s, want 2m (reference/wasaapay.md §7.2)", PromptLifetime)
	}
}
