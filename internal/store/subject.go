package store

import (
	"math"
	"strconv"

	"github.com/payctl/payctl/internal/payment"
)

// What a delivery is about is its subject, one number in the ledger: repetitions are
// found by it, forwards of one subject keep their order, and lists go by it.

// querySubject is what a query's key is raised by to tell it from a deposit's.
const querySubject = 1 << 40

// subject is what a judged delivery is about: its deposit, or the one that its query
// asks about, by key, which keeps what belongs together close together in the index;
// else its query; else 0.
func (j *judged) subject() int64 {
	switch {
	case j.deposit.seq != 0:
		return j.deposit.seq
	case j.query.deposit != 0:
		return j.query.deposit
	case j.query.seq != 0:
		return querySubject + j.query.seq
	}
	return 0
}

// The tags keep the hashes of different sorts of names apart.
const (
	tagConversation = "c"
	tagProviderID   = "p"
	tagReceipt      = "r"
	tagBody         = "b"
	tagEvent        = "e"
)

// namedSubject hashes what a delivery itself says that it is about, to a negative
// number. Junk is about nothing but itself.
func (k ids) namedSubject(d payment.Delivery, e *payment.Event) int64 {
	return k.hashSubject(d, e) | math.MinInt64
}

func (k ids) hashSubject(d payment.Delivery, e *payment.Event) int64 {
	switch {
	case e != nil && e.ConversationID != "":
		return k.hash64(tagConversation, string(d.Provider), e.ConversationID)
	case e != nil && e.ProviderID != "":
		return k.hashID(d.Provider, e.ProviderID)
	case e != nil && e.Receipt != "":
		return k.hash64(tagReceipt, string(d.Provider), e.Receipt)
	case e != nil && e.Key != "":
		return k.hash64(tagEvent, string(d.Provider), e.Key)
	}
	return k.hashBody(tagBody+string(d.Provider), d.Body)
}

// A long id that ends with a customer's number begins with the time (ws_CO_,
// date, time, three digits, nine of the phone: reference/daraja.md §3.3). What
// comes together has that beginning in common.
const (
	longID    = 24
	idEnding  = 12
	idLowBits = 40
)

// hashID hashes a provider's id so that ids with a common beginning lie together
// in the index: a commit of many then writes a few of its pages, not one for each.
func (k ids) hashID(provider payment.ProviderID, id string) int64 {
	h := k.hash64(tagProviderID, string(provider), id)
	if len(id) < longID {
		return h
	}
	high := k.hash64(tagProviderID, string(provider), id[:len(id)-idEnding])
	return high<<idLowBits | h&(1<<idLowBits-1)
}

// subjectID names a subject: the id of its deposit or query, or another word for it.
func (k ids) subjectID(subject int64) string {
	switch {
	case subject > querySubject:
		return k.id(queryPrefix, subject-querySubject)
	case subject > 0:
		return k.id(depositPrefix, subject)
	}
	return "about_" + strconv.FormatUint(uint64(subject), 36)
}
