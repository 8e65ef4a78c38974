package daraja

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"math/big"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/secret"
)

var testKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

// testCertificate is a DER certificate that expired ten years before now, as
// the gateway's own have (§7).
func testCertificate(t testing.TB, now time.Time) []byte {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(0xABCDEF), Subject: pkix.Name{CommonName: "invented.example"},
		NotBefore: now.AddDate(-12, 0, 0), NotAfter: now.AddDate(-10, 0, 0),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &testKey().PublicKey, testKey())
	if err != nil {
		t.Fatal(err)
	}
	return der
}

// reference/daraja.md §7.
func TestEncryptCredential(t *testing.T) {
	t.Parallel()
	der := testCertificate(t, noon())
	forms := map[string][]byte{
		"DER": der,
		"PEM": pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
	}
	for name, form := range forms {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			credential, info, err := EncryptCredential(secret.New("Invented#1"), form)
			if err != nil {
				t.Fatal(err)
			}
			if len(credential) != 344 || !strings.HasSuffix(credential, "=") || strings.ContainsAny(credential, "\r\n") {
				t.Errorf("credential is not 344 characters on one line ending in =: %d", len(credential))
			}
			sealed, err := base64.StdEncoding.DecodeString(credential)
			if err != nil {
				t.Fatal(err)
			}
			plain, err := rsa.DecryptPKCS1v15(nil, testKey(), sealed) //nolint:staticcheck // the gateway's padding
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff("Invented#1", string(plain)); diff != "" {
				t.Errorf("the bare password and nothing else is encrypted (-want +got):\n%s", diff)
			}
			sum := sha256.Sum256(der)
			want := CertificateInfo{
				Subject: "CN=invented.example", Issuer: "CN=invented.example", Serial: "ABCDEF",
				Fingerprint: colons(hex.EncodeToString(sum[:])), Bits: 2048,
				NotBefore: noon().AddDate(-12, 0, 0), NotAfter: noon().AddDate(-10, 0, 0),
			}
			if diff := cmp.Diff(want, info); diff != "" {
				t.Errorf("info (-want +got):\n%s", diff)
			}
			if note := info.ValidityNote(noon()); !strings.Contains(note, "expired on 2016-01-02") {
				t.Errorf("an expired certificate is noted: %q", note)
			}
			if note := info.ValidityNote(noon().AddDate(-11, 0, 0)); note != "" {
				t.Errorf("a valid certificate has no note: %q", note)
			}
			second, _, err := EncryptCredential(secret.New("Invented#1"), form)
			if err != nil || second == credential {
				t.Errorf("padding must be random: %v", err)
			}
		})
	}
}

func colons(hexText string) string {
	var pairs []string
	for i := 0; i < len(hexText); i += 2 {
		pairs = append(pairs, strings.ToUpper(hexText[i:i+2]))
	}
	return strings.Join(pairs, ":")
}

func TestEncryptCredentialRefuses(t *testing.T) {
	t.Parallel()
	der := testCertificate(t, noon())
	tests := []struct {
		name     string
		password *secret.Secret
		cert     []byte
		kind     payment.Kind
		message  string
	}{
		{"no password", nil, der, payment.KindUnauthorized, "missing PAYCTL_DARAJA_INITIATOR_PASSWORD"},
		{"no certificate", secret.New("x"), nil, payment.KindUsage, "certificate: neither a PEM nor a DER"},
		{"garbage", secret.New("x"), []byte("garbage"), payment.KindUsage, "certificate: neither a PEM nor a DER"},
		{"a private key", secret.New("x"), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), payment.KindUsage, "holds no certificate"},
		{"broken PEM", secret.New("x"), []byte("-----BEGIN CERTIFICATE-----\n!!\n-----END"), payment.KindUsage, "holds no certificate"},
		{"a password too long", secret.New(strings.Repeat("x", 300)), der, payment.KindUsage, "initiator password: longer"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, _, err := EncryptCredential(tt.password, tt.cert)
			if err == nil || payment.KindOf(err) != tt.kind || !strings.Contains(err.Error(), tt.message) {
				t.Errorf("got %v, want kind %v and %q", err, tt.kind, tt.message)
			}
		})
	}
}

// reference/daraja.md §6.5.
func TestPasswordWarnings(t *testing.T) {
	t.Parallel()
	if got := PasswordWarnings(secret.New("Good#&%$1")); len(got) != 1 {
		t.Errorf("only the 90 days are worth a word here: %q", got)
	}
	got := PasswordWarnings(secret.New("b@d.(1)\n"))
	if len(got) != 6 {
		t.Errorf("four characters, white space and the 90 days: %q", got)
	}
	for _, w := range got {
		if strings.Contains(w, "b@d") {
			t.Errorf("a warning shows the password: %q", w)
		}
	}
}

func FuzzParseCertificate(f *testing.F) {
	der := testCertificate(f, noon())
	f.Add(der)
	f.Add(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	f.Add([]byte("-----BEGIN CERTIFICATE-----"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		info, key, err := ParseCertificate(raw)
		if (err == nil) != (key != nil) || err == nil && info.Fingerprint == "" {
			t.Errorf("half an answer: %v %v %v", info, key, err)
		}
	})
}
