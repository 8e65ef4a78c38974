package store

// About names the payment that a delivery is about, so that all who send
// deliveries on keep the same ones in order: the deposit, else the provider's
// own id, else the receipt of what a customer paid alone, else nothing but itself.
func (d StoredDelivery) About() string {
	own := ""
	if e := d.Event; e != nil {
		switch {
		case e.ConversationID != "":
			own = e.ConversationID
		case e.ProviderID != "":
			own = e.ProviderID
		default:
			own = e.Receipt
		}
	}
	switch {
	case d.DepositID != "":
		return d.DepositID
	case own != "":
		return string(d.Provider) + "/" + own
	}
	return d.ID
}
