package daraja

import (
	"errors"
	"testing"

	"github.com/payctl/payctl/internal/payment"
)

// An acceptance is an acceptance whatever the HTTP status: a refused token that comes
// with the id of the request is doubt, and never a reason for a second POST.
func TestAcceptanceWhateverTheStatus(t *testing.T) {
	t.Parallel()
	const ids = `,"ConversationID":"AG_1","OriginatorConversationID":"1b2c","CheckoutRequestID":"ws_CO_1","MerchantRequestID":"m-1","ResponseCode":"0"}`
	for name, send := range map[string]func(*testing.T, *Client) (id string, err error){
		"push": func(t *testing.T, c *Client) (string, error) {
			a, err := c.Create(t.Context(), testRequest(t))
			return a.ProviderID, err
		},
		"transaction status": func(t *testing.T, c *Client) (string, error) {
			a, err := c.QueryTransaction(t.Context(), payment.TransactionQuery{
				Receipt: "UA2K7QX9ZP", IdentifierType: payment.IdentifierShortCode, ResultURL: resultURL, TimeoutURL: timeoutURL,
			})
			return a.ConversationID, err
		},
		"balance": func(t *testing.T, c *Client) (string, error) {
			a, err := c.AccountBalance(t.Context(), BalanceQuery{ResultURL: resultURL, TimeoutURL: timeoutURL})
			return a.ConversationID, err
		},
		"reversal": func(t *testing.T, c *Client) (string, error) {
			a, err := c.Reversal(t.Context(), ReversalRequest{
				Receipt: "UA2K7QX9ZP", Amount: payment.AmountOf(1000, payment.KES), ResultURL: resultURL, TimeoutURL: timeoutURL,
			})
			return a.ConversationID, err
		},
	} {
		for _, status := range []int{401, 404} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				g := newGateway(t, answer{status: status, body: `{"errorCode":"404.001.03","errorMessage":"Invalid Access Token"` + ids})
				id, err := send(t, g.client())
				if id == "" || !errors.Is(err, payment.ErrOutcomeUnknown) || payment.KindOf(err) != payment.KindPending {
					t.Errorf("%d: id %q, error %v", status, id, err)
				}
				if n := len(g.seen()); n != 1 {
					t.Errorf("%d: sent %d times", status, n)
				}
			})
		}
	}
}
