package daraja

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/payctl/payctl/internal/apiclient"
	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/secret"
)

// TestTheGatewayQuotesSecrets checks that nothing which a request carried or was
// made from is shown, kept or logged when an answer repeats it.
func TestTheGatewayQuotesSecrets(t *testing.T) {
	t.Parallel()
	const passkey, consumer, access = "bfb279f9aa9bdbcf158e97dd", "S3cretOfTheApp42", "Tok3n0123456789abc"
	password := base64.StdEncoding.EncodeToString([]byte("600111" + passkey + "20260102030405"))
	for name, quoted := range map[string]string{"passkey": passkey, "consumer secret": consumer, "access token": access, "password": password} {
		for shape, body := range map[string]string{
			"message":     `{"requestId":"1","errorCode":"400.002.02","errorMessage":"Bad Request - ` + quoted + `"}`,
			"code":        `{"requestId":"1","errorCode":"` + quoted + `","errorMessage":"no"}`,
			"fault":       `{"fault":{"faultstring":"see ` + quoted + `","detail":{"errorcode":"` + quoted + `"}}}`,
			"description": `{"ResponseCode":"` + quoted + `","ResponseDescription":"got ` + quoted + `","ResultCode":"` + quoted + `","ResultDesc":"` + quoted + `"}`,
		} {
			for _, status := range []int{200, 400, 500} {
				t.Run(fmt.Sprint(name, ", ", shape, ", ", status), func(t *testing.T) {
					t.Parallel()
					script := []answer{{status: status, body: body}, {status: status, body: body}, {status: status, body: body}}
					if quoted == password {
						script = script[:2]
					}
					g := newGateway(t, script...)
					cfg := g.config()
					cfg.Passkey, cfg.ConsumerSecret = secret.New(passkey), secret.New(consumer)
					var said strings.Builder
					cfg.Log = func(e apiclient.Exchange) { said.WriteString(e.Request + e.Response) }
					c := mustNew(t, cfg)
					c.tokens.remember(token{value: access, expires: noon().Add(tokenLifetime)})
					pushed, err := c.Create(t.Context(), testRequest(t))
					tellAll(&said, pushed, err)
					asked, err := c.Ask(t.Context(), testDeposit(t))
					tellAll(&said, asked, err)
					if quoted == password {
						showsNone(t, &said, quoted)
						return // a query carries none
					}
					queried, err := c.QueryTransaction(t.Context(), payment.TransactionQuery{Receipt: "UA2K7QX9ZP", ResultURL: resultURL, TimeoutURL: timeoutURL})
					fmt.Fprintf(&said, "%+v", queried)
					tellAll(&said, payment.Answer{}, err)
					showsNone(t, &said, quoted)
				})
			}
		}
	}
}

func showsNone(t *testing.T, said *strings.Builder, quoted string) {
	t.Helper()
	if text := said.String(); !strings.Contains(text, "[redacted]") || strings.Contains(text, quoted) {
		t.Errorf("shows %q: %s", quoted, text)
	}
}

func tellAll(b *strings.Builder, a payment.Answer, err error) {
	fmt.Fprintf(b, "%+v", a)
	if a.Failure != nil {
		fmt.Fprintf(b, "%+v", *a.Failure)
	}
	if e, ok := errors.AsType[*payment.Error](err); ok {
		fmt.Fprint(b, e.Error(), e.Hint, e.ProviderCode)
	}
}

// TestOAuthQuotesTheSecret checks the same of the call that carries both keys.
func TestOAuthQuotesTheSecret(t *testing.T) {
	t.Parallel()
	const consumer = "S3cretOfTheApp42"
	basic := base64.StdEncoding.EncodeToString([]byte("key:" + consumer))
	for _, quoted := range []string{consumer, basic} {
		refusing := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = io.WriteString(w, `{"errorCode":"`+quoted+`","errorMessage":"no such pair: `+quoted+`"}`)
		}))
		t.Cleanup(refusing.Close)
		cfg := newGateway(t).config()
		cfg.BaseURL = refusing.URL
		cfg.ConsumerSecret = secret.New(consumer)
		var said strings.Builder
		cfg.Log = func(e apiclient.Exchange) { said.WriteString(e.Request + e.Response) }
		a, err := mustNew(t, cfg).Create(t.Context(), testRequest(t))
		tellAll(&said, a, err)
		if err == nil {
			t.Error("no error")
		}
		showsNone(t, &said, quoted)
	}
}
