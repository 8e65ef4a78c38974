package engine

// Creds are the fixed local credentials that the emulator accepts. They open nothing outside the emulator.
type Creds struct {
	ConsumerKey       string `json:"consumer_key"`
	ConsumerSecret    string `json:"consumer_secret"`
	Shortcode         string `json:"shortcode"` // a paybill
	Passkey           string `json:"passkey"`   // of the paybill, the store and the till
	Store             string `json:"store"`     // head-office number in front of the till
	Till              string `json:"till"`
	Initiator         string `json:"initiator"`
	InitiatorPassword string `json:"initiator_password"`

	WasaaPayAPIKey        string `json:"wasaapay_api_key"`
	WasaaPayWebhookSecret string `json:"wasaapay_webhook_secret"`
	WasaaPayWallet        string `json:"wasaapay_wallet"`
	WasaaPayPartner       string `json:"wasaapay_partner"`
	SeviToken             string `json:"sevi_token"`
}

// Credentials returns the fixed local credentials.
func Credentials() Creds {
	return Creds{ //nolint:gosec // public test values that open nothing
		ConsumerKey:       "local-consumer-key",
		ConsumerSecret:    "local-consumer-secret",
		Shortcode:         "174379",
		Passkey:           "6c6f63616c2d656d756c61746f722d706173736b65792d666f722d7061796374",
		Store:             "600111",
		Till:              "600222",
		Initiator:         "testapi",
		InitiatorPassword: "Local#Pass2026",

		WasaaPayAPIKey:        "sk_sandbox_local_key_0001",
		WasaaPayWebhookSecret: "local-webhook-secret",
		WasaaPayWallet:        "wallet_local",
		WasaaPayPartner:       "partner_local",
		SeviToken:             "local-sevi-token",
	}
}
