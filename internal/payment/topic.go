package payment

import "strings"

// Topic is what an event is about.
type Topic uint8

// The topics.
const (
	// TopicDeposit is money asked from a customer, here or elsewhere.
	TopicDeposit Topic = iota
	// TopicQuery is the answer to a query, or the news that none comes.
	TopicQuery
	// TopicCustomer is what a customer did unasked: a payment, a bill, a standing order.
	TopicCustomer
	// TopicWallet is a movement of a wallet, or an order behind one.
	TopicWallet
)

// TopicOf returns the topic that an event's name says.
func TopicOf(name string) Topic {
	family, step, _ := strings.Cut(name, ".")
	switch {
	case name == "result", step == "result", step == "timeout":
		return TopicQuery
	case family == "c2b", family == "ratiba", family == "billmanager":
		return TopicCustomer
	case family == "wallet", family == "order":
		return TopicWallet
	}
	return TopicDeposit
}
