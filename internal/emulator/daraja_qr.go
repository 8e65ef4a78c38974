package emulator

import (
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"
)

// qr answers with a dynamic QR code (reference/daraja.md §10.3). What the real codes hold is not documented; these
// hold the request's fields, so that a test can read them back.
func (d *daraja) qr(c *call) {
	f, ok := d.enter(c)
	if !ok {
		return
	}
	rules := []rule{
		need(1, 60, "MerchantName"), need(1, 40, "RefNo"), amountIn(shilling),
		oneOf("TrxCode", "BG", "WA", "PB", "SM", "SB"), need(1, 20, "CPI"),
	}
	var parts []string
	for _, r := range rules {
		text := f.get(r.names[0]).plain()
		if fault := r.fault(text); fault != "" {
			c.fail(badField(r.names[0], r.names[0]+" "+fault))
			return
		}
		parts = append(parts, text)
	}
	size := 300
	if text := f.get("Size").plain(); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > 1000 {
			c.fail(badField("Size", "Size must be a number of pixels from 1 to 1000"))
			return
		}
		size = n
	}
	modules, err := qrEncode(strings.Join(parts, "|"))
	if err != nil {
		c.fail(badPayload(err.Error()))
		return
	}
	image, err := qrPNG(modules, size)
	if err != nil {
		c.fail(refusal{http.StatusInternalServerError, "500.003.1001", "Internal Server Error", err.Error()})
		return
	}
	c.reply(http.StatusOK, struct {
		ResponseCode        string
		RequestID           string
		ResponseDescription string
		QRCode              string
	}{"00", d.e.ids.request(), "The service request is processed successfully.", base64.StdEncoding.EncodeToString(image)})
}
