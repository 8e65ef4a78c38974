package emulator

import (
	"strings"
)

// shopName is the name of every organisation in the emulator.
const shopName = "PAYCTL SHOP"

func partyName(party string) string {
	if m, ok := parseMSISDN(party); ok {
		first, last := m.name()
		return party + " - " + first + " " + last
	}
	return party + " - " + shopName
}

// sameOrg tells whether two shortcodes are one organisation: the store and its till are.
func sameOrg(a, b string) bool {
	creds := Credentials()
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
	party := q.f.get("PartyA").plain()
	t := r.net.ledger.find(q.f.get("TransactionID").plain(), q.f.first("OriginalConversationID", "OriginatorConversationID").plain())
	if t == nil || !sameOrg(t.To, party) && !sameOrg(t.From, party) {
		// The code of a receipt that is not found is not documented; samples use 1 (reference/daraja.md §6.4).
		return failed("1", "The transaction receipt number does not exist.", "no transaction of "+party+" has this receipt or conversation")
	}
	account := "MMF Account For Customer"
	if t.Kind == apiB2C || t.Kind == apiB2B || t.Kind == apiReversal {
		account = "Utility Account"
	}
	return verdict{
		code: "0", desc: successText, original: t.Originator, lone: "TransactionStatus",
		params: []param{
			textParam("DebitPartyName", partyName(t.From)),
			textParam("CreditPartyName", partyName(t.To)),
			textParam("OriginatorConversationID", t.Originator),
			textParam("InitiatedTime", stamp(t.Initiated)),
			textParam("DebitAccountType", account),
			textParam("DebitPartyCharges", ""),
			{Key: "TransactionReason"},
			textParam("ReasonType", t.Reason),
			textParam("TransactionStatus", r.e.behaviours.choice("status-value", apiStatus, "Completed")),
			textParam("FinalisedTime", stamp(t.Completed)),
			textParam("Amount", t.Amount.whole()),
			textParam("ConversationID", t.Conversation),
			textParam("ReceiptNo", t.Receipt),
		},
	}
}

// balance answers an Account Balance query (reference/daraja.md §10.2).
func (r *results) balance(q *question) verdict {
	o := r.net.ledger.org(q.f.get("PartyA").plain())
	line := func(name string, amount cents) string {
		return name + "|KES|" + amount.decimal() + "|" + amount.decimal() + "|0.00|0.00"
	}
	accounts := []string{
		line("Working Account", o.Working), line("Float Account", 0), line("Utility Account", o.Utility),
		line("Charges Paid Account", o.Charges), line("Organization Settlement Account", 0),
	}
	return verdict{
		code: "0", desc: successText, lone: "AccountBalance",
		params: []param{
			textParam("AccountBalance", strings.Join(accounts, "&")),
			numberParam("BOCompletedTime", stamp(r.e.now())),
		},
	}
}

// reverse gives a customer's payment back (reference/daraja.md §10.2, §6.4).
func (r *results) reverse(q *question) verdict {
	amount, _ := parseShillings(q.f.get("Amount").plain())
	t := r.net.ledger.Txns[q.f.get("TransactionID").plain()]
	switch {
	case t == nil || t.Kind != outSTK && t.Kind != "c2b" || !sameOrg(t.To, q.f.get("ReceiverParty").plain()):
		return failed("R000002", "The OriginalTransactionID is invalid.", "no customer payment to this party has this receipt")
	case t.ReversedBy != "":
		return failed("R000001", "The transaction has already been reversed.", "reversed by "+t.ReversedBy)
	case amount != t.Amount:
		return failed("R000002", "The OriginalTransactionID is invalid.", "the payment was "+t.Amount.whole()+", not "+amount.whole())
	case r.net.ledger.org(t.To).Utility < amount:
		return failed("1", "The balance is insufficient for the transaction.", "the organisation has spent the money")
	}
	now := r.e.now()
	org, customer := r.net.ledger.org(t.To), r.net.ledger.customer(t.Customer)
	org.Utility -= amount
	customer.Balance += amount
	back := &txn{
		Receipt: receiptID(r.e.ids, now), Kind: apiReversal, Reason: "Transaction Reversal", Amount: amount, Customer: t.Customer,
		From: t.To, To: t.Customer.full(), Reference: t.Receipt, Originator: q.originator, Conversation: q.conversation,
		Initiated: q.asked, Completed: now,
	}
	r.net.ledger.reverse(t, back.Receipt)
	r.net.ledger.record(back)
	return verdict{
		code: "0", desc: successText, txn: back.Receipt, lone: "OriginalTransactionID",
		params: []param{
			textParam("DebitAccountBalance", "Utility Account|KES|"+org.Utility.decimal()+"|"+org.Utility.decimal()+"|0.00|0.00"),
			numberParam("Amount", amount.decimal()),
			numberParam("TransCompletedTime", stamp(now)),
			textParam("OriginalTransactionID", t.Receipt),
			numberParam("Charge", "0"),
			textParam("CreditPartyPublicName", partyName(t.From)),
			textParam("DebitPartyPublicName", partyName(t.To)),
		},
	}
}

// payout pays a customer (reference/daraja.md §10.2).
func (r *results) payout(q *question) verdict {
	amount, _ := parseShillings(q.f.get("Amount").plain())
	phone, _ := parseMSISDN(q.f.get("PartyB").plain())
	party := q.f.get("PartyA").plain()
	org, customer := r.net.ledger.org(party), r.net.ledger.customer(phone)
	switch {
	case org.Utility < amount:
		return failed("1", "The balance is insufficient for the transaction.", "the utility account of "+party+" holds less")
	case customer.Balance+amount > maxWallet:
		return failed("8", "Declined due to limit rule: would exceed the maximum balance.", "the customer's wallet would pass 500,000")
	}
	now := r.e.now()
	org.Utility -= amount
	customer.Balance += amount
	t := &txn{
		Receipt: receiptID(r.e.ids, now), Kind: apiB2C, Reason: "Business Payment to Customer via API", Amount: amount, Customer: phone,
		From: party, To: phone.full(), Reference: q.f.first(doubledS, "Occasion").plain(), Originator: q.originator,
		Conversation: q.conversation, Initiated: q.asked, Completed: now,
	}
	r.net.ledger.record(t)
	return verdict{
		code: "0", desc: successText, txn: t.Receipt, lone: "TransactionReceipt",
		params: []param{
			numberParam("TransactionAmount", amount.whole()),
			textParam("TransactionReceipt", t.Receipt),
			textParam("ReceiverPartyPublicName", partyName(t.To)),
			textParam("TransactionCompletedDateTime", dayTime(now)),
			numberParam("B2CUtilityAccountAvailableFunds", org.Utility.decimal()),
			numberParam("B2CWorkingAccountAvailableFunds", org.Working.decimal()),
			textParam("B2CRecipientIsRegisteredCustomer", "Y"),
			numberParam("B2CChargesPaidAccountAvailableFunds", org.Charges.decimal()),
		},
	}
}

// transfer pays another organisation (reference/daraja.md §10.2).
func (r *results) transfer(q *question) verdict {
	amount, _ := parseShillings(q.f.get("Amount").plain())
	from, to := q.f.get("PartyA").plain(), q.f.get("PartyB").plain()
	payer, payee := r.net.ledger.org(from), r.net.ledger.org(to)
	if payer.Working < amount {
		return failed("1", "The balance is insufficient for the transaction.", "the working account of "+from+" holds less")
	}
	now := r.e.now()
	payer.Working -= amount
	payee.Utility += amount
	t := &txn{
		Receipt: receiptID(r.e.ids, now), Kind: apiB2B, Reason: q.f.get("CommandID").plain(), Amount: amount, From: from, To: to,
		Reference: q.f.get("AccountReference").plain(), Originator: q.originator, Conversation: q.conversation,
		Initiated: q.asked, Completed: now,
	}
	r.net.ledger.record(t)
	left := "{Amount={CurrencyCode=KES, MinimumAmount=" + string(appendUint(nil, uint64(payer.Working))) +
		", BasicAmount=" + payer.Working.decimal() + "}}"
	return verdict{
		code: "0", desc: successText, txn: t.Receipt, lone: "Amount",
		params: []param{
			textParam("DebitAccountBalance", left),
			textParam("Amount", amount.decimal()),
			textParam("DebitPartyAffectedAccountBalance", "Working Account|KES|"+payer.Working.decimal()+"|"+payer.Working.decimal()+"|0.00|0.00"),
			textParam("TransCompletedTime", stamp(now)),
			textParam("DebitPartyCharges", ""),
			textParam("ReceiverPartyPublicName", partyName(to)),
			textParam("Currency", "KES"),
			textParam("InitiatorAccountCurrentBalance", left),
		},
		reference: []param{textParam("BillReferenceNumber", t.Reference), internalQueue(q.api)},
	}
}
