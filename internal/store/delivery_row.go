package store

import (
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"github.com/payctl/payctl/internal/payment"
)

// deliveryRow is a delivery as its table has it.
type deliveryRow struct {
	seq, kind  int64
	receivedAt time.Time
	// subject is what the delivery is about; dedup is a hash of its meaning, NULL for a
	// repetition.
	subject int64
	dedup   sql.NullInt64

	deposit, query, duplicateOf int64

	move payment.Move
	size int64
	// event has what the columns hold of it; the rest is in detail.
	event payment.Event
	// token is NULL when the path had none, "" when it was the deposit's own.
	token                        sql.NullString
	method, peer, reason, detail string
	// orphan is the key of an event that waits for what it is about, NULL if none does.
	orphan sql.NullString
	// wallet is that of an event about a transaction of one.
	wallet string
	// phone is the payer's where the delivery is about no deposit; see phoneKey.
	phone  string
	header string
	body   []byte
}

func deliveryColumns(d *deliveryRow, to []column) []column {
	e := &d.event
	return append(to, []column{
		{"seq", (*integer)(&d.seq)},
		{"kind", (*integer)(&d.kind)},
		{"received_at", (*instant)(&d.receivedAt)},
		{"subject", (*integer)(&d.subject)},
		{"dedup", (*digest)(&d.dedup)},
		{"deposit", (*key)(&d.deposit)},
		{"query", (*key)(&d.query)},
		{"duplicate_of", (*key)(&d.duplicateOf)},
		{"move", (*move)(&d.move)},
		{"size", (*integer)(&d.size)},
		{"provider_id", (*words)(&e.ProviderID)},
		{"reference", (*words)(&e.Reference)},
		{"receipt", (*words)(&e.Receipt)},
		{"conversation_id", (*words)(&e.ConversationID)},
		{"amount", (*minor)(&e.Amount)},
		{"currency", (*currency)(&e.Amount)},
		{"occurred_at", (*moment)(&e.OccurredAt)},
		{"token", (*maybe)(&d.token)},
		{"method", (*words)(&d.method)},
		{"peer", (*words)(&d.peer)},
		{"reason", (*words)(&d.reason)},
		{"detail", (*words)(&d.detail)},
		{"orphan", (*maybe)(&d.orphan)},
		{"wallet", (*words)(&d.wallet)},
		{"phone", (*words)(&d.phone)},
		{"header", (*text)(&d.header)},
		{"body", (*blob)(&d.body)},
	}...)
}

// deliveryHead leaves the headers and the body out.
func deliveryHead(d *deliveryRow, to []column) []column {
	all := deliveryColumns(d, to)
	return all[:len(all)-2]
}

// deliveryView is a delivery with what other tables say of it.
type deliveryView struct {
	deliveryRow
	// is is its kind, which the rows do not repeat; see kinds.
	is kind
	// depositToken is the callback token of its deposit, where it came with that.
	depositToken string
}

// viewColumns always has the body: its hash is wanted in every list, and it lies in
// the same page of the file.
func viewColumns(v *deliveryView, to []column) []column {
	return append(deliveryColumns(&v.deliveryRow, to), column{"", (*text)(&v.depositToken)})
}

// sqlDeliveries is a query for viewColumns.
func sqlDeliveries(rest string) string {
	return "SELECT " + names("v.", deliveryColumns(new(deliveryRow), nil)) + `,
		CASE WHEN v.token = '' THEN (SELECT d.callback_token FROM deposits AS d WHERE d.seq = v.deposit) END
		FROM deliveries AS v ` + rest
}

// detail is what a delivery's row holds of its event besides its columns.
type detail struct {
	MerchantRequestID        string           `json:"mr,omitempty"`
	OriginatorConversationID string           `json:"oc,omitempty"`
	ShortCode                string           `json:"sc,omitempty"`
	Failure                  *payment.Failure `json:"f,omitempty"`
	Notes                    []string         `json:"n,omitempty"`
	Matched                  string           `json:"m,omitempty"`
	// Environment is whose secret proved the event: where a waiting one may belong.
	Environment payment.Environment `json:"en,omitempty"`
	// Phone is the customer's, for what may belong to an adopted deposit.
	Phone string `json:"p,omitempty"`
}

// encode spells a detail; an empty one is "".
func (d detail) encode() (string, error) {
	b, err := json.Marshal(d)
	if err != nil || len(b) == 2 {
		return "", err
	}
	return string(b), nil
}

// inspected returns what the row holds of the inspection: the event, nil if there is
// none, and which secret matched.
func (d *deliveryRow) inspected(k kind) (*payment.Event, string, error) {
	var det detail
	if d.detail != "" {
		if err := json.Unmarshal([]byte(d.detail), &det); err != nil {
			return nil, "", fmt.Errorf("the ledger holds details that cannot be read")
		}
	}
	if k.event == "" {
		return nil, det.Matched, nil
	}
	e := d.event
	e.Provider, e.Name, e.Status = k.provider, k.event, k.status
	e.MerchantRequestID, e.OriginatorConversationID = det.MerchantRequestID, det.OriginatorConversationID
	e.ShortCode, e.Failure, e.Notes, e.Environment = det.ShortCode, det.Failure, det.Notes, det.Environment
	e.Phone = det.Phone
	return &e, det.Matched, nil
}

// stored shows a row as the other packages see it.
func (db *database) stored(v *deliveryView, withBody bool) (StoredDelivery, error) {
	k := v.is
	d := StoredDelivery{
		Delivery: payment.Delivery{
			ID: db.id(deliveryPrefix, v.seq), Provider: k.provider, Route: k.route, Token: v.token.String,
			Method: v.method, Peer: v.peer, ReceivedAt: v.receivedAt,
		},
		Verdict: k.verdict, Reason: v.reason, DuplicateOf: db.id(deliveryPrefix, v.duplicateOf),
		DepositID: db.id(depositPrefix, v.deposit), QueryID: db.id(queryPrefix, v.query), Subject: db.subjectID(v.subject), Move: v.move, Size: v.size,
	}
	if d.Method == "" {
		d.Method = "POST"
	}
	if v.token.Valid && d.Token == "" {
		d.Token = v.depositToken
	}
	sum := sha256.Sum256(v.body)
	d.SHA256 = hex.EncodeToString(sum[:])
	var err error
	if d.Event, d.Matched, err = v.inspected(k); err != nil {
		return d, fmt.Errorf("delivery %s: %w", d.ID, err)
	}
	if withBody {
		d.Body = v.body
		if d.Header, err = decodeHeader(v.header); err != nil {
			return d, fmt.Errorf("delivery %s: %w", d.ID, err)
		}
	}
	return d, nil
}
