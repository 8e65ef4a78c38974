package listen

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/payctl/payctl/internal/deliver"
	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/spell"
)

// Rule sends the deliveries that it matches to a URL.
type Rule struct {
	// Provider is "" for all.
	Provider payment.ProviderID
	// Event is an event name in which '*' stands for any characters; "*" also
	// matches a delivery that means nothing that is known.
	Event string
	// URL is http or https.
	URL string
}

// ParseRule reads "URL", "EVENT=URL" or "PROVIDER/EVENT=URL", such as
// "deposit.*=https://books.example/hook" or "daraja/stk.*=http://127.0.0.1:3000/".
// known are the events that providers send: a name that is none of them, and a
// pattern that fits none, is a slip. Errors are KindUsage.
func ParseRule(text string, known map[payment.ProviderID][]string) (Rule, error) {
	pattern, target := "*", text
	if !hasScheme(text) {
		var ok bool
		if pattern, target, ok = strings.Cut(text, "="); !ok {
			return Rule{}, badRule(text, "is neither a URL nor EVENT=URL")
		}
	}
	rule := Rule{Event: pattern, URL: target}
	if provider, event, ok := strings.Cut(pattern, "/"); ok {
		rule.Provider, rule.Event = payment.ProviderID(provider), event
		if _, ok := known[rule.Provider]; !ok {
			return Rule{}, badRule(text, fmt.Sprintf("names the unknown provider %q", clean(provider)))
		}
	}
	if rule.Event == "" || strings.Trim(rule.Event, "abcdefghijklmnopqrstuvwxyz0123456789_.-*") != "" {
		return Rule{}, badRule(text, "has an event that is not lower-case letters, digits, '.', '_', '-' and '*'")
	}
	if err := rule.fitsOne(known); err != nil {
		return Rule{}, err
	}
	u, err := url.Parse(target)
	switch {
	case err != nil || !hasScheme(target):
		return Rule{}, badRule(text, "has a URL that is not http or https")
	case u.Hostname() == "":
		return Rule{}, badRule(text, "has a URL without host")
	case u.User != nil:
		return Rule{}, badRule(text, "has a URL with a user name or password; use --header")
	case u.Fragment != "":
		return Rule{}, badRule(text, "has a URL with a fragment")
	}
	return rule, nil
}

// fitsOne returns nil when the rule fits an event that is known.
func (r Rule) fitsOne(known map[payment.ProviderID][]string) error {
	if strings.Trim(r.Event, "*") == "" {
		return nil
	}
	var names []string
	for provider, events := range known {
		for _, name := range events {
			if r.matches(provider, name) {
				return nil
			}
			if r.Provider == "" || r.Provider == provider {
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	hint := "the events are " + strings.Join(slices.Compact(names), ", ")
	if meant := spell.Nearest(strings.ReplaceAll(r.Event, "*", ""), names); meant != "" {
		hint = "did you mean " + meant + "?"
	}
	return payment.Usage(fmt.Sprintf("forward-to: no provider sends the event %q", r.Event), hint)
}

func hasScheme(text string) bool {
	lower := strings.ToLower(text)
	return strings.HasPrefix(lower, "http://") || strings.HasPrefix(lower, "https://")
}

// badRule shows the rule without what may be secret in its URL.
func badRule(text, problem string) error {
	pattern, target, ok := strings.Cut(text, "=")
	shown := clean(pattern)
	if hasScheme(text) {
		shown = deliver.Shown(text)
	} else if ok && hasScheme(target) {
		shown += "=" + deliver.Shown(target)
	}
	return payment.Usage(fmt.Sprintf("forward-to %q: %s", shown, problem), "write URL, EVENT=URL or PROVIDER/EVENT=URL, such as 'deposit.*=http://127.0.0.1:3000/hook'")
}

// matches reports whether a delivery's event falls under the rule.
func (r Rule) matches(provider payment.ProviderID, event string) bool {
	return (r.Provider == "" || r.Provider == provider) && wild(r.Event, event)
}

// wild matches text against a pattern in which '*' stands for any characters.
// It takes time linear in the product of their lengths at worst.
func wild(pattern, text string) bool {
	first, rest, star := strings.Cut(pattern, "*")
	if !star {
		return pattern == text
	}
	text, ok := strings.CutPrefix(text, first)
	if !ok {
		return false
	}
	for {
		var middle string
		if middle, rest, star = strings.Cut(rest, "*"); !star {
			return strings.HasSuffix(text, middle)
		}
		i := strings.Index(text, middle)
		if i < 0 {
			return false
		}
		text = text[i+len(middle):]
	}
}
