package daraja

import (
	"strconv"
	"strings"

	"github.com/payctl/payctl/internal/emulator/engine"
	"github.com/payctl/payctl/internal/emulator/mpesa"
)

func partyName(party string) string {
	if m, ok := mpesa.ParseMSISDN(party); ok {
		first, last := m.Name()
		return party + " - " + first + " " + last
	}
	return party + " - " + mpesa.ShopName
}

// sameOrg reports whether two shortcodes are one organisation: the store and its till are.
func sameOrg(a, b string) bool {
	creds := engine.Credentials()
	head := func(code string) string {
		if code == creds.Till {
			return creds.Store
		}
		return code
	}
	return head(a) == head(b)
}

// status answers a Transaction Status query (reference/daraja.md §6.3).
func (r *results) status(q *question) verdict {
	party := q.f.Get("PartyA").Plain()
	t := r.net.Ledger.Find(q.f.Get("TransactionID").Plain(), q.f.First("OriginalConversationID", "OriginatorConversationID").Plain())
	if t == nil || !sameOrg(t.To, party) && !sameOrg(t.From, party) {
		return failed("2032", "The transaction receipt number does not exist.", "no transaction of "+party+" has this receipt or conversation")
	}
	account := "MMF Account For Customer"
	if t.Kind == mpesa.KindB2C || t.Kind == mpesa.KindB2B || t.Kind == mpesa.KindReversal {
		account = "Utility Account"
	}
	return verdict{
		code: "0", desc: successText, original: t.Originator, lone: "TransactionStatus",
		params: []param{
			textParam("DebitPartyName", partyName(t.From)),
			textParam("CreditPartyName", partyName(t.To)),
			textParam("OriginatorConversationID", t.Originator),
			textParam("InitiatedTime", mpesa.Stamp(t.Initiated)),
			textParam("DebitAccountType", account),
			textParam("DebitPartyCharges", ""),
			{Key: "TransactionReason"},
			textParam("ReasonType", t.Reason),
			textParam("TransactionStatus", r.e.Behaviours.Choice("status-value", apiStatus, "Completed")),
			textParam("FinalisedTime", mpesa.Stamp(t.Completed)),
			textParam("Amount", t.Amount.Whole()),
			textParam("ConversationID", t.Conversation),
			textParam("ReceiptNo", t.Receipt),
		},
	}
}

// balance answers an Account Balance query (reference/daraja.md §10.2).
func (r *results) balance(q *question) verdict {
	o := r.net.Ledger.Org(q.f.Get("PartyA").Plain())
	line := func(name string, amount mpesa.Cents) string {
		return name + "|KES|" + amount.Decimal() + "|" + amount.Decimal() + "|0.00|0.00"
	}
	accounts := []string{
		line("Working Account", o.Working), line("Float Account", 0), line("Utility Account", o.Utility),
		line("Charges Paid Account", o.Charges), line("Organization Settlement Account", 0),
	}
	return verdict{
		code: "0", desc: successText, lone: "AccountBalance",
		params: []param{
			textParam("AccountBalance", strings.Join(accounts, "&")),
			numberParam("BOCompletedTime", mpesa.Stamp(r.e.Now())),
		},
	}
}

// reverse gives a customer's payment back (reference/daraja.md §10.2, §6.4).
func (r *results) reverse(q *question) verdict {
	amount, _ := mpesa.ParseShillings(q.f.Get("Amount").Plain())
	t := r.net.Ledger.Txns[q.f.Get("TransactionID").Plain()]
	switch {
	case t == nil || t.Kind != mpesa.KindSTK && t.Kind != mpesa.KindC2B || !sameOrg(t.To, q.f.Get("ReceiverParty").Plain()):
		return failed("R000002", "The OriginalTransactionID is invalid.", "no customer payment to this party has this receipt")
	case t.ReversedBy != "":
		return failed("R000001", "The transaction has already been reversed.", "reversed by "+t.ReversedBy)
	case amount != t.Amount:
		return failed("R000002", "The OriginalTransactionID is invalid.", "the payment was "+t.Amount.Whole()+", not "+amount.Whole())
	case r.net.Ledger.Org(t.To).Utility < amount:
		return failed("1", "The balance is insufficient for the transaction.", "the organisation has spent the money")
	}
	now := r.e.Now()
	org, customer := r.net.Ledger.Org(t.To), r.net.Ledger.Customer(t.Customer)
	org.Utility -= amount
	customer.Balance += amount
	back := &mpesa.Txn{
		Receipt: mpesa.ReceiptID(r.e.IDs, now), Kind: mpesa.KindReversal, Reason: "Transaction Reversal", Amount: amount, Customer: t.Customer,
		From: t.To, To: t.Customer.Full(), Reference: t.Receipt, Originator: q.originator, Conversation: q.conversation,
		Initiated: q.asked, Completed: now,
	}
	r.net.Ledger.Reverse(t, back.Receipt)
	r.net.Ledger.Record(back)
	return verdict{
		code: "0", desc: successText, txn: back.Receipt, lone: "OriginalTransactionID",
		params: []param{
			textParam("DebitAccountBalance", "Utility Account|KES|"+org.Utility.Decimal()+"|"+org.Utility.Decimal()+"|0.00|0.00"),
			numberParam("Amount", amount.Decimal()),
			numberParam("TransCompletedTime", mpesa.Stamp(now)),
			textParam("OriginalTransactionID", t.Receipt),
			numberParam("Charge", "0"),
			textParam("CreditPartyPublicName", partyName(t.From)),
			textParam("DebitPartyPublicName", partyName(t.To)),
		},
	}
}

// minPayout is the least that a customer can be paid (reference/daraja.md §10.2).
const minPayout = 10 * mpesa.Shilling

// payout pays a customer (reference/daraja.md §10.2).
func (r *results) payout(q *question) verdict {
	amount, _ := mpesa.ParseShillings(q.f.Get("Amount").Plain())
	phone, _ := mpesa.ParseMSISDN(q.f.Get("PartyB").Plain())
	party := q.f.Get("PartyA").Plain()
	org, customer := r.net.Ledger.Org(party), r.net.Ledger.Customer(phone)
	switch {
	case amount < minPayout: // accepted all the same (reference/daraja.md §10.2)
		return failed("2", "Declined due to limit rule: less than the minimum transaction amount.", "a payout is at least "+minPayout.Whole()+" shillings")
	case org.Utility < amount:
		return failed("1", "The balance is insufficient for the transaction.", "the utility account of "+party+" holds less")
	case customer.Balance+amount > mpesa.MaxWallet:
		return failed("8", "Declined due to limit rule: would exceed the maximum balance.", "the customer's wallet would pass 500,000")
	}
	now := r.e.Now()
	org.Utility -= amount
	customer.Balance += amount
	t := &mpesa.Txn{
		Receipt: mpesa.ReceiptID(r.e.IDs, now), Kind: mpesa.KindB2C, Reason: "Business Payment to Customer via API", Amount: amount, Customer: phone,
		From: party, To: phone.Full(), Reference: q.f.First(doubledS, "Occasion").Plain(), Originator: q.originator,
		Conversation: q.conversation, Initiated: q.asked, Completed: now,
	}
	r.net.Ledger.Record(t)
	return verdict{
		code: "0", desc: successText, txn: t.Receipt, lone: "TransactionReceipt",
		params: []param{
			numberParam("TransactionAmount", amount.Whole()),
			textParam("TransactionReceipt", t.Receipt),
			textParam("ReceiverPartyPublicName", partyName(t.To)),
			textParam("TransactionCompletedDateTime", dayTime(now)),
			numberParam("B2CUtilityAccountAvailableFunds", org.Utility.Decimal()),
			numberParam("B2CWorkingAccountAvailableFunds", org.Working.Decimal()),
			textParam("B2CRecipientIsRegisteredCustomer", "Y"),
			numberParam("B2CChargesPaidAccountAvailableFunds", org.Charges.Decimal()),
		},
	}
}

// transfer pays another organisation (reference/daraja.md §10.2).
func (r *results) transfer(q *question) verdict {
	amount, _ := mpesa.ParseShillings(q.f.Get("Amount").Plain())
	from, to := q.f.Get("PartyA").Plain(), q.f.Get("PartyB").Plain()
	payer, payee := r.net.Ledger.Org(from), r.net.Ledger.Org(to)
	if payer.Working < amount {
		return failed("1", "The balance is insufficient for the transaction.", "the working account of "+from+" holds less")
	}
	now := r.e.Now()
	payer.Working -= amount
	payee.Utility += amount
	t := &mpesa.Txn{
		Receipt: mpesa.ReceiptID(r.e.IDs, now), Kind: mpesa.KindB2B, Reason: q.f.Get("CommandID").Plain(), Amount: amount, From: from, To: to,
		Reference: q.f.Get("AccountReference").Plain(), Originator: q.originator, Conversation: q.conversation,
		Initiated: q.asked, Completed: now,
	}
	r.net.Ledger.Record(t)
	left := "{Amount={CurrencyCode=KES, MinimumAmount=" + strconv.FormatInt(int64(payer.Working), 10) +
		", BasicAmount=" + payer.Working.Decimal() + "}}"
	debited := "DebitAccountCurrentBalance"
	if r.e.Behaviours.Get("b2b-portal-shape", q.api) != nil {
		debited = "DebitAccountBalance"
	}
	return verdict{
		code: "0", desc: successText, txn: t.Receipt, lone: "Amount",
		params: []param{
			textParam(debited, left),
			textParam("Amount", amount.Decimal()),
			textParam("DebitPartyAffectedAccountBalance", "Working Account|KES|"+payer.Working.Decimal()+"|"+payer.Working.Decimal()+"|0.00|0.00"),
			textParam("TransCompletedTime", mpesa.Stamp(now)),
			textParam("DebitPartyCharges", ""),
			textParam("ReceiverPartyPublicName", partyName(to)),
			textParam("Currency", "KES"),
			textParam("InitiatorAccountCurrentBalance", left),
		},
		reference: []param{textParam("BillReferenceNumber", t.Reference), internalQueue(q.api)},
	}
}
