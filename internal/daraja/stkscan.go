package daraja

// scanSTK reads an STK callback in one strict pass over the bytes, for the
// listener's hot path (design: scan for what the decision needs). It knows the
// one shape that Daraja sends nearly always, in any order and spacing; for
// everything else, valid or not, it returns false and the tolerant reader
// decides. Where it returns true, both read the same
// (FuzzInspect holds them together).
func scanSTK(body []byte) (stkFields, bool) {
	s := stkScan{cursor: cursor{b: body}}
	if !s.take('{') || !s.key("Body") || !s.take('{') || !s.key("stkCallback") || !s.take('{') {
		return stkFields{}, false
	}
	s.callback()
	if s.bad || !s.take('}') || !s.take('}') || s.peek() != 0 || s.i != len(body) {
		return stkFields{}, false
	}
	return s.fields, true
}

type stkScan struct {
	cursor
	fields stkFields
	seen   uint16
}

// The members and items that have been read, to notice a second one.
const (
	seenMerchant uint16 = 1 << iota
	seenCheckout
	seenCode
	seenDescription
	seenMetadata
	seenAmount
	seenReceipt
	seenDate
	seenPhone
)

// once notes that something was seen; a second time is for the tolerant reader.
func (s *stkScan) once(what uint16) {
	if s.seen&what != 0 {
		s.bad = true
	}
	s.seen |= what
}

// key consumes a member's name, which must be want.
func (s *stkScan) key(want string) bool {
	raw, plain := s.str()
	return plain && string(raw) == want && s.take(':')
}

// name consumes any plain member name.
func (s *stkScan) name() []byte {
	raw, plain := s.str()
	if !plain || !s.take(':') {
		s.bad = true
	}
	return raw
}

// plainText consumes a string without escapes.
func (s *stkScan) plainText() string {
	raw, plain := s.str()
	if !plain {
		s.bad = true
		return ""
	}
	return string(raw)
}

// scalar consumes a plain string or a number, as text.
func (s *stkScan) scalar() string {
	if s.peek() == '"' {
		return s.plainText()
	}
	return string(s.number())
}

// valueDepth is how deep the values of stkCallback's members lie.
const valueDepth = 3

// callback reads the members of stkCallback, after its opening brace. Members
// that mean nothing to anybody are passed over; one that is known in other
// clothes is for the tolerant reader.
func (s *stkScan) callback() {
	for first := true; s.next(first, '}'); first = false {
		switch name := s.name(); string(name) {
		case "MerchantRequestID":
			s.once(seenMerchant)
			s.fields.merchant = s.plainText()
		case "CheckoutRequestID":
			s.once(seenCheckout)
			s.fields.checkout = s.plainText()
		case "ResultCode":
			s.once(seenCode)
			s.fields.code = s.scalar()
		case "ResultDesc":
			s.once(seenDescription)
			s.fields.description = s.plainText()
		case "CallbackMetadata":
			s.once(seenMetadata)
			s.metadata()
		default:
			switch fold(string(name)) {
			case "merchantrequestid", "checkoutrequestid", "resultcode", "resultdesc", "callbackmetadata":
				s.bad = true
			}
			if !s.bad {
				s.skip(valueDepth)
			}
		}
		if s.bad {
			return
		}
	}
}

// metadata reads {"Item":[{…},…]}.
func (s *stkScan) metadata() {
	if !s.take('{') || !s.key("Item") || !s.take('[') {
		s.bad = true
		return
	}
	for first := true; s.next(first, ']'); first = false {
		s.item()
		if s.bad {
			return
		}
	}
	if !s.take('}') {
		s.bad = true
	}
}

// item reads {"Name":…,"Value":…} in this order, Value being optional.
func (s *stkScan) item() {
	if !s.take('{') || !s.key("Name") {
		s.bad = true
		return
	}
	name, plain := s.str()
	if !plain {
		s.bad = true
		return
	}
	if s.take('}') {
		s.itemValue(string(name), false)
		return
	}
	if !s.take(',') || !s.key("Value") {
		s.bad = true
		return
	}
	s.itemValue(string(name), true)
	if !s.bad && !s.take('}') {
		s.bad = true
	}
}

func (s *stkScan) itemValue(name string, has bool) {
	var to *string
	switch name {
	case "Amount":
		s.once(seenAmount)
		to = &s.fields.amount
	case "MpesaReceiptNumber":
		s.once(seenReceipt)
		to = &s.fields.receipt
	case "TransactionDate":
		s.once(seenDate)
		to = &s.fields.date
	case "PhoneNumber":
		s.once(seenPhone)
		to = &s.fields.phone
	case "Balance":
		if has {
			s.skip(0)
		}
		return
	default:
		s.bad = true
		return
	}
	switch {
	case !has:
	case to == &s.fields.receipt:
		*to = s.plainText() // a number is for the tolerant reader
	default:
		*to = s.scalar()
	}
}
