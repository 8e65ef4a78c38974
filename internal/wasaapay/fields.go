package wasaapay

// field names what payctl reads of a webhook or stream message.
type field uint8

const (
	fieldNone field = iota
	fieldEvent
	fieldTimestamp
	fieldPartner
	fieldEnvironment
	fieldSignature
	// What follows stands in data.
	fieldDepositID
	fieldID
	fieldWithdrawalID
	fieldTransferID
	fieldBillID
	fieldReference
	fieldExternalReference
	fieldAmount
	fieldCurrency
	fieldStatus
	fieldReceipt
	fieldFailureReason
	fieldPhone
	fieldCount
)

// fields holds where the values of known members stand in a body. Of equal
// names the last one counts, as in JavaScript.
type fields [fieldCount]span

func (f *fields) reset() { *f = fields{} }

// resetData forgets what was found in an earlier data member. A nil f records nothing.
func (f *fields) resetData() {
	if f != nil {
		clear(f[fieldDepositID:])
	}
}

func (f *fields) record(at level, name []byte, value span) {
	known := fieldNone
	switch at {
	case levelEnvelope:
		known = envelopeField(name)
	case levelData:
		known = dataField(name)
	case levelDeep:
	}
	if known != fieldNone {
		f[known] = value
	}
}

func envelopeField(name []byte) field {
	switch string(name) {
	case "event":
		return fieldEvent
	case "timestamp":
		return fieldTimestamp
	case "partnerId":
		return fieldPartner
	case "environment":
		return fieldEnvironment
	case "signature":
		return fieldSignature
	}
	return fieldNone
}

// dataField knows the members of reference/wasaapay.md §7.5 and, for the
// families whose data is undocumented, the common ones of §11.3.
func dataField(name []byte) field {
	switch string(name) {
	case "depositId":
		return fieldDepositID
	case "id":
		return fieldID
	case "withdrawalId":
		return fieldWithdrawalID
	case "transferId":
		return fieldTransferID
	case "billId":
		return fieldBillID
	case "reference":
		return fieldReference
	case "externalReference":
		return fieldExternalReference
	case "amount":
		return fieldAmount
	case "currency":
		return fieldCurrency
	case "status":
		return fieldStatus
	case "receiptNumber":
		return fieldReceipt
	case "failureReason":
		return fieldFailureReason
	case "phoneNumber":
		return fieldPhone
	}
	return fieldNone
}

// name is how an id's member is called.
func (f field) name() string {
	for _, known := range []string{
		"depositId", "id", "withdrawalId", "transferId", "billId", "reference", "externalReference", "receiptNumber",
	} {
		if dataField([]byte(known)) == f {
			return known
		}
	}
	return ""
}
