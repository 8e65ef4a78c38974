package emulator_test

import (
	"bytes"
	"encoding/base64"
	"image/png"
	"net/http"
	"strconv"
	"strings"
	"testing"

	qrread "github.com/piglig/go-qr"
)

const qrPath = "/mpesa/qrcode/v1/generate"

func qrBody(changes ...string) string {
	return object([][2]string{
		{"MerchantName", `"PAYCTL SHOP"`}, {"RefNo", `"INV-1"`}, {"Amount", "150"}, {"TrxCode", `"PB"`}, {"CPI", `"174379"`}, {"Size", `"300"`},
	}, changes)
}

// reference/daraja.md §10.3: the answer holds a PNG, and the PNG the request's fields.
func TestDynamicQR(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	for merchant, size := range map[string]int{"PAYCTL SHOP": 300, "DUKA LA CAFÉ": 1000, strings.Repeat("x", 60): 200} {
		status, body := d.post(qrPath, qrBody("MerchantName", strconv.Quote(merchant), "Size", strconv.Itoa(size)))
		var answer struct{ ResponseCode, RequestID, ResponseDescription, QRCode string }
		decode(t, body, &answer)
		if status != http.StatusOK || answer.ResponseCode != "00" || answer.RequestID == "" {
			t.Errorf("%d %s", status, body)
		}
		raw, err := base64.StdEncoding.DecodeString(answer.QRCode)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := readQR(t, raw, size), merchant+"|INV-1|150|PB|174379"; got != want {
			t.Errorf("the code holds %q, want %q", got, want)
		}
	}
	for field, value := range map[string]string{"MerchantName": `""`, "RefNo": "", "Amount": "0", "TrxCode": `"XX"`, "CPI": "null", "Size": `"big"`} {
		if status, body := d.post(qrPath, qrBody(field, value)); status != 400 || plain(body) != refused("400.002.02", "Bad Request - Invalid "+field) {
			t.Errorf("%s: %d %s", field, status, body)
		}
	}
}

// readQR reads the symbol with a decoder that shares nothing with the encoder.
func readQR(t *testing.T, raw []byte, size int) string {
	t.Helper()
	img, err := png.Decode(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	if width := img.Bounds().Dx(); width > size || width < size/2 {
		t.Errorf("%d pixels wide, asked for %d", width, size)
	}
	text, err := qrread.Decode(img)
	if err != nil {
		t.Fatal(err)
	}
	return text
}
