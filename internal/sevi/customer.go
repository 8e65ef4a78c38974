package sevi

import "encoding/json"

// Customer is what is kept of a buyer. Other personal fields, such as the
// national id number of older payloads, are dropped (reference/sevi.md §6).
type Customer struct {
	Name      string
	Email     string
	Reference string
	Phones    []string
}

// customer looks in all places where the vendor has put the buyer, newest first.
func (f fields) customer() Customer {
	order := object(f["order"])
	for _, raw := range []json.RawMessage{
		f["customer"], f["customerVendor"], order["customer"], order["customerVendor"], order["user"], firstUser(f["users"]),
	} {
		c := object(raw)
		if c == nil {
			continue
		}
		out := Customer{Name: c.text("name"), Email: c.text("email"), Reference: c.text("reference"), Phones: c.phones()}
		return out
	}
	return Customer{}
}

// firstUser returns users[0].user.
func firstUser(raw json.RawMessage) json.RawMessage {
	var users []json.RawMessage
	if json.Unmarshal(raw, &users) != nil || len(users) == 0 {
		return nil
	}
	return object(users[0])["user"]
}

// phones reads phoneNumbers, or the single phoneNumber of an order's user.
func (f fields) phones() []string {
	var list []json.RawMessage
	if json.Unmarshal(f["phoneNumbers"], &list) != nil {
		list = nil
	}
	var out []string
	for _, raw := range list {
		if phone := (fields{"v": raw}).text("v"); phone != "" {
			out = append(out, phone)
		}
	}
	if single := f.text("phoneNumber"); len(out) == 0 && single != "" {
		out = []string{single}
	}
	return out
}
