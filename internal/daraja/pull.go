package daraja

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/timing"
)

const (
	// The pull API alone has no /mpesa prefix, and its query is a POST (§1, §12).
	pathPullRegister = "/pulltransactions/v1/register"
	pathPullQuery    = "/pulltransactions/v1/query"

	// PullWindow is how far back the API looks (§10.3).
	PullWindow = 48 * time.Hour

	pullForm = "2006-01-02 15:04:05"
	// maxPullPages ends a listing whose pages never do.
	maxPullPages = 1000

	pullFound = "1000"
	pullNone  = "1001" // register: already registered; query: no rows
)

type pullRegisterBody struct {
	ShortCode       string `json:"ShortCode"`
	RequestType     string `json:"RequestType"`
	NominatedNumber string `json:"NominatedNumber"`
	CallBackURL     string `json:"CallBackURL"`
}

// PullRegister registers the profile's shortcode for the pull API. It returns
// true where it was registered already (reference/daraja.md §10.3).
func (c *Client) PullRegister(ctx context.Context, nominated payment.Phone, callbackURL string) (already bool, err error) {
	const endpoint = "pull register"
	if err := require(endpoint, missingMerchant(c.cfg)); err != nil {
		return false, err
	}
	if nominated.IsZero() {
		return false, payment.Usage("nominated number: missing", "give the number that Safaricom has on file for the shortcode")
	}
	if problems, _ := LintCallbackURL(callbackURL, c.cfg.Environment); len(problems) > 0 {
		return false, payment.Usage("callback url: "+problems[0], "give a public https address")
	}
	r, err := c.call(ctx, APIPull, endpoint, pathPullRegister, pullRegisterBody{
		ShortCode: c.cfg.ShortCode, RequestType: "Pull",
		NominatedNumber: nominated.MSISDN(), CallBackURL: NormalizeCallbackURL(callbackURL),
	})
	if err != nil {
		return false, harmless(err)
	}
	switch pullStatus(r) {
	case pullFound:
		return false, nil
	case pullNone:
		return true, nil
	}
	return false, c.noAnswer(endpoint, r, hintRegister)
}

// pullStatus reads ResponseStatus, which may come with a space in its key, or
// ResponseCode; "" for an error.
func pullStatus(r reply) string {
	if !r.bare() {
		return ""
	}
	if status := r.root.get("responsestatus").scalar(); status != "" {
		return status
	}
	return r.root.get("responsecode").scalar()
}

// PullRow is one C2B payment that the pull API knows.
type PullRow struct {
	Receipt string
	At      time.Time
	// Phone is as it came, often masked.
	Phone        string
	Sender       string
	Type         string
	Reference    string
	Amount       payment.Amount
	Organization string
}

type pullQueryBody struct {
	ShortCode   string `json:"ShortCode"`
	StartDate   string `json:"StartDate"`
	EndDate     string `json:"EndDate"`
	OffSetValue string `json:"OffSetValue"`
}

const pullList = "pull list"

func (c *Client) checkPull(from, to time.Time) error {
	if err := require(pullList, missingMerchant(c.cfg)); err != nil {
		return err
	}
	switch {
	case !from.Before(to):
		return payment.Usage("since: not before until", "give an earlier time")
	case c.cfg.Now().Sub(from) > PullWindow+time.Minute:
		return payment.Usage("since: more than 48 hours ago", "the pull API keeps 48 hours; use a statement file for older payments")
	}
	return nil
}

// pullPage is one page of a listing: its rows, and what the gateway says of it.
func (c *Client) pullPage(ctx context.Context, from, to time.Time, offset int) ([]PullRow, PullEnd, error) {
	if err := c.turn(ctx, pullList); err != nil {
		return nil, PullEnd{}, err
	}
	r, err := c.call(ctx, APIPull, pullList, pathPullQuery, pullQueryBody{
		ShortCode: c.cfg.ShortCode, StartDate: from.In(timing.EAT()).Format(pullForm),
		EndDate: to.In(timing.EAT()).Format(pullForm), OffSetValue: strconv.Itoa(offset),
	})
	if err != nil {
		return nil, PullEnd{}, harmless(err)
	}
	switch status := pullStatus(r); status {
	case pullFound, pullNone:
		rows := pullRows(r.root, 0)
		return rows, PullEnd{Message: shown(r.word("responsemessage")), Ambiguous: status == pullNone && len(rows) == 0}, nil
	}
	return nil, PullEnd{}, c.noAnswer(pullList, r, hintHarmless)
}

// PullEnd is what the gateway says of a listing.
type PullEnd struct {
	Message string
	// Ambiguous says that nothing was listed, and that this proves nothing: code 1001 also
	// comes for shortcodes that cannot pull at all (reference/daraja.md §10.3).
	Ambiguous bool
}

// Err is what a script may conclude from a listing that shows nothing: KindPending,
// unless the message says more.
func (e PullEnd) Err() error {
	if !e.Ambiguous {
		return nil
	}
	out := &payment.Error{
		Kind: payment.KindPending, Provider: payment.Daraja, ProviderCode: pullNone,
		Message: "pull list: no payments were listed, and that is no proof that there are none",
		Hint:    "a shortcode must be registered once: payctl daraja pull register; compare with a statement file",
	}
	if e.Message != "" {
		out.Message += "; M-PESA says: " + e.Message
	}
	said := strings.ToLower(e.Message)
	has := func(words ...string) bool {
		return slices.ContainsFunc(words, func(w string) bool { return strings.Contains(said, w) })
	}
	switch {
	case has("not registered", "unregistered", "not been registered", "no registration"):
		out.Kind, out.Hint = payment.KindUsage, "register the shortcode once: payctl daraja pull register --phone NUMBER"
	case has("access token", "credential", "unauthor", "not authorized", "not authorised", "not allowed"):
		out.Kind, out.Hint = payment.KindUnauthorized, "the app lacks the Pull product, or the keys are another app's"
	case has("try again", "later", "busy", "timeout", "timed out", "unavailable", "maintenance", "internal error"):
		out.Kind, out.Retryable, out.Hint = payment.KindUnavailable, true, hintHarmless
	}
	return out
}

// PullAll calls each with every C2B payment between two times, which must lie within the
// last 48 hours, page after page, each receipt once; a page that brings nothing new ends
// the listing. It stops at the first error of each. The times are looked at once, at the
// beginning: a long listing must not grow too old for itself. Errors are KindUsage,
// KindUnauthorized and KindUnavailable.
func (c *Client) PullAll(ctx context.Context, from, to time.Time, each func(PullRow) error) (PullEnd, error) {
	if err := c.checkPull(from, to); err != nil {
		return PullEnd{}, err
	}
	seen := map[string]bool{}
	offset := 0
	for range maxPullPages {
		rows, end, err := c.pullPage(ctx, from, to, offset)
		if err != nil {
			return end, err
		}
		fresh := 0
		for _, row := range rows {
			if seen[row.Receipt] {
				continue
			}
			seen[row.Receipt] = true
			fresh++
			if err := each(row); err != nil {
				return PullEnd{}, err
			}
		}
		if fresh == 0 {
			end.Ambiguous = end.Ambiguous && len(seen) == 0
			return end, nil
		}
		offset += len(rows)
	}
	return PullEnd{}, &payment.Error{
		Kind: payment.KindUnavailable, Provider: payment.Daraja,
		Message: "pull list: more than 1000 pages", Hint: "ask for a shorter time",
	}
}

// pullRows finds the rows wherever they are nested: "[[]]" is none, and
// captures differ in the number of brackets (§10.3).
func pullRows(n node, depth int) []PullRow {
	if depth > maxDepth {
		return nil
	}
	if receipt := n.get("transactionid").scalar(); receipt != "" {
		return []PullRow{pullRow(n, receipt)}
	}
	var out []PullRow
	for _, m := range n.members {
		out = append(out, pullRows(m.value, depth+1)...)
	}
	for _, item := range n.items {
		out = append(out, pullRows(item, depth+1)...)
	}
	return out
}

func pullRow(n node, receipt string) PullRow {
	row := PullRow{
		Receipt: receipt, Phone: n.get("msisdn").scalar(), Type: n.get("transactiontype").scalar(),
		Reference: n.get("billreference").scalar(), Organization: n.get("organizationname").scalar(),
		Sender: n.get("sender").scalar(),
	}
	if amount, err := payment.ParseWireAmount(n.get("amount").scalar(), payment.KES); err == nil {
		row.Amount = amount
	}
	date := n.get("trxdate").scalar()
	for _, form := range [...]string{time.RFC3339, "2006-01-02T15:04:05", pullForm, stampForm} {
		if at, err := time.ParseInLocation(form, date, timing.EAT()); err == nil {
			row.At = at.UTC()
			break
		}
	}
	return row
}
