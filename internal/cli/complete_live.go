package cli

import (
	"context"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/store"
)

const (
	// newest is how many deposits, deliveries or queries a shell is offered at most.
	newest = 50
	// shellPatience bounds how long a shell waits for the ledger: a TAB is no promise.
	shellPatience = time.Second
	// mostDescribed bounds a description, in bytes.
	mostDescribed = 70
)

// oneWord reports whether no shell can take a value for more than a word.
func oneWord(value string) bool {
	return value != "" && strings.IndexFunc(value, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsNumber(r) && !strings.ContainsRune("._/#@+:-", r)
	}) < 0
}

// recall reads values from the ledger.
type recall func(context.Context, *store.Store) ([]cobra.Completion, error)

// live offers what the ledger of the chosen profile holds, newest first, without what the
// line has already. It is silent where there is no ledger: a shell asks, not a person.
// many says that more than one argument may follow.
func (c completer) live(ctx context.Context, many bool, read recall) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if len(args) > 0 && !many {
			return cobra.NoFileCompletions(cmd, args, typed)
		}
		all := slices.DeleteFunc(c.remembered(ctx, read), func(value cobra.Completion) bool {
			word, _, _ := strings.Cut(value, "\t")
			return slices.Contains(args, word)
		})
		all, directive := choices(all...)(cmd, args, typed)
		if len(all) > 1 {
			directive |= cobra.ShellCompDirectiveKeepOrder
		}
		return all, directive
	}
}

// remembered opens the ledger to read it alone.
func (c completer) remembered(ctx context.Context, read recall) []cobra.Completion {
	ctx, cancel := context.WithTimeout(ctx, shellPatience)
	defer cancel()
	conf, err := c.settings(ctx)
	if err != nil || conf.NotChosen() != nil {
		return nil
	}
	path, err := conf.Ledger()
	if err != nil {
		return nil
	}
	ledger, err := store.Open(ctx, store.Options{Path: path, StateDir: conf.StateDir, MustExist: true, ReadOnly: true, BusyTimeout: shellPatience})
	if err != nil {
		return nil
	}
	all, err := read(ctx, ledger)
	if ledger.Close() != nil || err != nil {
		return nil
	}
	return all
}

// deposits are the names of the newest deposits: id, reference and receipt.
func deposits(ctx context.Context, ledger *store.Store) ([]cobra.Completion, error) {
	found, _, err := ledger.Deposits.List(ctx, store.DepositFilter{Limit: newest})
	var all []cobra.Completion
	for _, d := range found {
		says := string(d.Status) + " " + d.Amount.String()
		all = append(all, named(d.ID, says+" "+d.Reference)...)
		all = append(all, named(d.Reference, says)...)
		all = append(all, named(d.Receipt, says+" "+d.Reference)...)
	}
	return firsts(all), err
}

// receipts are those of the newest deposits.
func receipts(ctx context.Context, ledger *store.Store) ([]cobra.Completion, error) {
	found, _, err := ledger.Deposits.List(ctx, store.DepositFilter{Limit: newest, Statuses: []payment.Status{payment.StatusCompleted}})
	var all []cobra.Completion
	for _, d := range found {
		all = append(all, named(d.Receipt, d.Amount.String()+" "+d.Reference)...)
	}
	return firsts(all), err
}

// deliveries are the newest deliveries.
func deliveries(ctx context.Context, ledger *store.Store) ([]cobra.Completion, error) {
	found, _, err := ledger.Deliveries.List(ctx, store.DeliveryFilter{Limit: newest})
	var all []cobra.Completion
	for _, d := range found {
		says := string(d.Provider) + " " + string(d.Verdict)
		if d.Event != nil {
			says += " " + d.Event.Name
		}
		all = append(all, named(d.ID, says)...)
	}
	return all, err
}

// queries are the newest queries of a kind, "" for any.
func queries(kind string) recall {
	return func(ctx context.Context, ledger *store.Store) ([]cobra.Completion, error) {
		found, _, err := ledger.Queries.List(ctx, store.QueryFilter{Kind: kind, Limit: newest})
		var all []cobra.Completion
		for _, q := range found {
			all = append(all, named(q.ID, string(q.Status)+" "+q.Kind+" "+q.Receipt)...)
		}
		return all, err
	}
}

// named is a value with its description; none where the value is no plain word or holds
// somebody's number.
func named(value, says string) []cobra.Completion {
	if !oneWord(value) || strings.HasPrefix(value, "-") || payment.MaskDigits(value) != value {
		return nil
	}
	return []cobra.Completion{described(value, says)}
}

// described is a value and what a person is told of it: one line, no number, no markup.
func described(value, says string) cobra.Completion {
	return cobra.CompletionWithDesc(value, strings.ReplaceAll(payment.Line(says, mostDescribed), "`", ""))
}

// firsts leaves out the later of two completions of the same word.
func firsts(all []cobra.Completion) []cobra.Completion {
	seen := map[string]bool{}
	return slices.DeleteFunc(all, func(value cobra.Completion) bool {
		word, _, _ := strings.Cut(value, "\t")
		before := seen[word]
		seen[word] = true
		return before
	})
}

// codes are a provider's codes, every provider's for "".
func (c completer) codes(id payment.ProviderID) (all []cobra.Completion) {
	for _, row := range c.providers {
		if row.Explainer == nil || id != "" && row.ID != id {
			continue
		}
		for _, code := range row.Explainer.Codes() {
			says := string(row.ID)
			if meanings := row.Explainer.Explain(code, payment.CodeQuery{}); len(meanings) > 0 {
				says += ": " + meanings[0].Text
			}
			all = append(all, described(code, says))
		}
	}
	return firsts(all)
}

// explainable offers providers first, then codes.
func (c completer) explainable(cmd *cobra.Command, args []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) > 0 && slices.Contains(c.providers.Explainers(), payment.ProviderID(args[0])) {
		return choices(c.codes(payment.ProviderID(args[0]))...)(cmd, args, typed)
	}
	var all []cobra.Completion
	if len(args) == 0 {
		for _, id := range c.providers.Explainers() {
			all = append(all, string(id))
		}
	}
	return choices(append(all, c.codes("")...)...)(cmd, args, typed)
}

// received are the events that a listener names, and each family of them.
func (c completer) received() (all []cobra.Completion) {
	for _, row := range c.providers {
		for _, event := range row.Events {
			if family, _, ok := strings.Cut(event, "."); ok {
				all = append(all, described(family+".*", string(row.ID)))
			}
			all = append(all, described(event, string(row.ID)))
		}
	}
	return firsts(all)
}

// plain takes the markup of placeholders out of the flags' usages: cobra shows a shell
// what stands there.
func plain(cmd *cobra.Command) {
	strip := func(f *pflag.Flag) { f.Usage = strings.ReplaceAll(f.Usage, "`", "") }
	cmd.Flags().VisitAll(strip)
	cmd.PersistentFlags().VisitAll(strip)
	for _, sub := range cmd.Commands() {
		plain(sub)
	}
}
