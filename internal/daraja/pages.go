package daraja

import "slices"

// portal is where Safaricom describes its APIs, a page each (reference/daraja.md §0).
const portal = "developer.safaricom.co.ke"

// Page names the page of Safaricom's portal on an API, as its address ends: "" for
// APIAny and what has none.
func Page(api API) string {
	switch api {
	case APISTK:
		return "MpesaExpressSimulate"
	case APIQuery:
		return "MpesaExpressQuery"
	case APITransaction:
		return "TransactionStatus"
	case APIC2B:
		return "CustomerToBusinessRegisterURL"
	case APIB2C:
		return "BusinessToCustomer"
	case APIB2B:
		return "BusinessPayBill"
	case APIBalance:
		return "AccountBalance"
	case APIReversal:
		return "Reversal"
	case APIOAuth:
		return "Authorization"
	case APIPull:
		return "PullTransaction"
	case APIQR:
		return "DynamicQRCode"
	case APIAny:
	}
	return ""
}

// shownSource says where people can read what a row says. The section that the row
// cites is for whoever changes it.
func (r *row) shownSource() string {
	page := r.page
	switch {
	case r.proof != ProofPortal:
		return "not on Safaricom's portal"
	case page != "":
	case slices.Contains(r.where, APIAny):
		return portal + ", the page of the API that was called"
	case slices.Contains(r.where, APIBalance):
		page = Page(APIBalance) // it has the long table of codes that all result APIs share (§6.4)
	default:
		page = Page(r.where[0])
	}
	return portal + "/apis/" + page
}
