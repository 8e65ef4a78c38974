package daraja

import (
	"context"
	"strconv"
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

// PullQuery returns one page of the C2B payments between two times, which must
// lie within the last 48 hours: the rows from offset on. An empty page ends
// the list. Errors are KindUsage, KindUnauthorized and KindUnavailable.
func (c *Client) PullQuery(ctx context.Context, from, to time.Time, offset int) ([]PullRow, error) {
	if err := c.checkPull(from, to); err != nil {
		return nil, err
	}
	if offset < 0 {
		return nil, payment.Usage("offset: negative", "begin at 0")
	}
	return c.pullPage(ctx, from, to, offset)
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

func (c *Client) pullPage(ctx context.Context, from, to time.Time, offset int) ([]PullRow, error) {
	r, err := c.call(ctx, APIPull, pullList, pathPullQuery, pullQueryBody{
		ShortCode: c.cfg.ShortCode, StartDate: from.In(timing.EAT()).Format(pullForm),
		EndDate: to.In(timing.EAT()).Format(pullForm), OffSetValue: strconv.Itoa(offset),
	})
	if err != nil {
		return nil, harmless(err)
	}
	switch pullStatus(r) {
	case pullFound, pullNone:
		return pullRows(r.root, 0), nil
	}
	return nil, c.noAnswer(pullList, r, hintHarmless)
}

// PullAll calls each with every row between two times, page after page, each
// receipt once. It stops at the first error of each. The times are looked at
// once, at the beginning: a long listing must not grow too old for itself.
func (c *Client) PullAll(ctx context.Context, from, to time.Time, each func(PullRow) error) error {
	if err := c.checkPull(from, to); err != nil {
		return err
	}
	seen := map[string]bool{}
	offset := 0
	for range maxPullPages {
		rows, err := c.pullPage(ctx, from, to, offset)
		if err != nil {
			return err
		}
		fresh := 0
		for _, row := range rows {
			if seen[row.Receipt] {
				continue
			}
			seen[row.Receipt] = true
			fresh++
			if err := each(row); err != nil {
				return err
			}
		}
		if fresh == 0 {
			return nil
		}
		offset += len(rows)
	}
	return &payment.Error{
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
