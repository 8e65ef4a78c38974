package emulator_test

import (
	"bytes"
	"encoding/base64"
	"image/png"
	"net/http"
	"strings"
	"testing"
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
	status, body := d.post(qrPath, qrBody())
	var answer struct{ ResponseCode, RequestID, ResponseDescription, QRCode string }
	decode(t, body, &answer)
	if status != http.StatusOK || answer.ResponseCode != "00" || answer.RequestID == "" {
		t.Errorf("%d %s", status, body)
	}
	raw, err := base64.StdEncoding.DecodeString(answer.QRCode)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := readQR(t, raw), "PAYCTL SHOP|INV-1|150|PB|174379"; got != want {
		t.Errorf("the code holds %q, want %q", got, want)
	}
	for field, value := range map[string]string{"MerchantName": `""`, "RefNo": "", "Amount": "0", "TrxCode": `"XX"`, "CPI": "null", "Size": `"big"`} {
		if status, body := d.post(qrPath, qrBody(field, value)); status != 400 || plain(body) != refused("400.002.02", "Bad Request - Invalid "+field) {
			t.Errorf("%s: %d %s", field, status, body)
		}
	}
}

// readQR reads a version 3 symbol with mask 0 back: 29 modules, one block of 44 data codewords, byte mode.
func readQR(t *testing.T, raw []byte) string {
	t.Helper()
	img, err := png.Decode(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	const size, quiet = 29, 4
	scale := img.Bounds().Dx() / (size + 2*quiet)
	if img.Bounds().Dx() != scale*(size+2*quiet) || img.Bounds().Dx() > 300 {
		t.Fatalf("%d pixels are not a version 3 symbol of at most 300", img.Bounds().Dx())
	}
	dark := func(x, y int) bool {
		r, _, _, _ := img.At((x+quiet)*scale+scale/2, (y+quiet)*scale+scale/2).RGBA()
		return r == 0
	}
	function := func(x, y int) bool {
		corner := x < 9 && y < 9 || x >= size-8 && y < 9 || x < 9 && y >= size-8
		return corner || x == 6 || y == 6 || x >= 20 && x <= 24 && y >= 20 && y <= 24
	}
	var bits []bool
	for right, up := size-1, true; right > 0; right, up = right-2, !up {
		if right == 6 {
			right--
		}
		for step := range size {
			y := step
			if up {
				y = size - 1 - step
			}
			for _, x := range []int{right, right - 1} {
				if !function(x, y) {
					bits = append(bits, dark(x, y) != ((x+y)%2 == 0))
				}
			}
		}
	}
	read := func(from, n int) (value int) {
		for _, bit := range bits[from : from+n] {
			value *= 2
			if bit {
				value++
			}
		}
		return value
	}
	if mode := read(0, 4); mode != 4 {
		t.Fatalf("mode %d is not bytes", mode)
	}
	var text strings.Builder
	for i := range read(4, 8) {
		text.WriteByte(byte(read(12+8*i, 8)))
	}
	return text.String()
}
