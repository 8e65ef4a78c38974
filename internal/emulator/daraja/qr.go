package daraja

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"net/http"
	"strconv"
	"strings"

	"github.com/boombuler/barcode/qr"

	"github.com/payctl/payctl/internal/emulator/engine"
	"github.com/payctl/payctl/internal/emulator/mpesa"
)

// qr answers with a dynamic QR code (reference/daraja.md §10.3). What the real codes hold is not documented; these
// hold the request's fields, so that a test can read them back.
func (d *door) qr(c *engine.Call) {
	f, ok := d.enter(c)
	if !ok {
		return
	}
	rules := []rule{
		need(1, 60, "MerchantName"), need(1, 40, "RefNo"), amountIn(),
		oneOf("TrxCode", "BG", "WA", "PB", "SM", "SB"), need(1, 20, "CPI"),
	}
	var parts []string
	for _, r := range rules {
		text := f.Get(r.names[0]).Plain()
		if fault := r.fault(text); fault != "" {
			fail(c, badField(r.names[0], r.names[0]+" "+fault))
			return
		}
		parts = append(parts, text)
	}
	size := 300
	if text := f.Get("Size").Plain(); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > 1000 {
			fail(c, badField("Size", "Size must be a number of pixels from 1 to 1000"))
			return
		}
		size = n
	}
	image, err := qrPNG(strings.Join(parts, "|"), size)
	if err != nil {
		fail(c, badPayload(err.Error()))
		return
	}
	c.Reply(http.StatusOK, struct {
		ResponseCode        string
		RequestID           string
		ResponseDescription string
		QRCode              string
	}{"00", mpesa.RequestID(d.e.IDs), "The service request is processed successfully.", base64.StdEncoding.EncodeToString(image)})
}

// qrQuiet is the white border that readers need, in modules; the library draws none.
const qrQuiet = 4

// qrPNG draws a QR symbol of the text, about width pixels wide. A text beyond a symbol's room is an error.
func qrPNG(text string, width int) ([]byte, error) {
	code, err := qr.Encode(text, qr.M, qr.Auto)
	if err != nil {
		return nil, fmt.Errorf("QR code: %w", err)
	}
	modules := code.Bounds().Dx()
	side := modules + 2*qrQuiet
	scale := max(width/side, 1)
	img := image.NewPaletted(image.Rect(0, 0, side*scale, side*scale), color.Palette{color.White, color.Black})
	for y := range modules * scale {
		for x := range modules * scale {
			if code.At(x/scale, y/scale) == color.Black {
				img.SetColorIndex(x+qrQuiet*scale, y+qrQuiet*scale, 1)
			}
		}
	}
	var buf bytes.Buffer
	err = png.Encode(&buf, img)
	return buf.Bytes(), err
}
