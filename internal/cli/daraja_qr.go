package cli

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"image"
	"image/png"
	"io/fs"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/payctl/payctl/internal/atomicfile"
	"github.com/payctl/payctl/internal/daraja"
	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/ui"
)

// darajaQR is "payctl daraja qr".
type darajaQR struct {
	*session
	amount, merchant, reference string
	kind, cpi                   string
	size                        int
	file                        string
	force                       bool
}

func newDarajaQR(s *session) *cobra.Command {
	v := &darajaQR{session: s}
	cmd := &cobra.Command{
		Use:   "qr --merchant NAME --amount AMOUNT --reference TEXT",
		Short: "Make a QR code that a customer can pay by",
		Long: `Asks Daraja for a dynamic QR code, draws it in the terminal and writes the PNG picture
to a file. The codes of --type are BG buy goods, PB paybill, WA withdraw at an agent,
SM send money, SB send to business.`,
		Example: "  payctl daraja qr --merchant 'Duka Moja' --amount 150 --reference INV-1 --output-file invoice.png",
		Args:    noArgs,
		RunE:    s.run(v.Run),
	}
	f := cmd.Flags()
	f.StringVar(&v.merchant, "merchant", "", "`NAME` that the customer sees")
	f.StringVar(&v.amount, "amount", "", "`AMOUNT` in KES, whole shillings")
	f.StringVar(&v.reference, "reference", "", "the payment's `TEXT`")
	f.StringVar(&v.kind, "type", "", "`BG|PB|WA|SM|SB` (default: BG for a till, else PB)")
	f.StringVar(&v.cpi, "to", "", "`NUMBER` paid to (default: the profile's till or shortcode)")
	f.IntVar(&v.size, "size", 300, "width and height of the picture in `PIXELS`")
	f.StringVar(&v.file, "output-file", "", "write the PNG picture to this `FILE`")
	f.BoolVar(&v.force, "force", false, "write over a file that is there")
	return cmd
}

// qrView is a QR code.
type qrView struct {
	Merchant  string  `json:"merchant"`
	Amount    string  `json:"amount"`
	Currency  string  `json:"currency"`
	Reference string  `json:"reference"`
	Type      *string `json:"type"`
	File      *string `json:"file"`
	Bytes     int     `json:"bytes"`
	// PNG is the picture itself where no file was named.
	PNG *string `json:"png_base64"`

	blocks string
}

// Text draws the code for people.
func (v qrView) Text(t *ui.Text) {
	t.Block(0, v.blocks)
	t.Line(ui.Bold(v.Merchant), ui.Plain("  "+v.Amount+" "+v.Currency+"  "+v.Reference))
	if v.File != nil {
		t.Line(ui.Dim("written to " + *v.File))
	}
}

// checkFile refuses a file that is there, before anything is asked for.
func (v *darajaQR) checkFile() error {
	if v.file == "" || v.force {
		return nil
	}
	if _, err := os.Lstat(v.file); err == nil {
		return usagef("name another file, or give --force", "output-file %s: is there already", v.file)
	}
	return nil
}

func (v *darajaQR) write(picture []byte) error {
	write := atomicfile.Create
	if v.force {
		write = atomicfile.Write
	}
	switch err := write(v.file, picture); {
	case errors.Is(err, fs.ErrExist):
		return usagef("name another file, or give --force", "output-file %s: is there already", v.file)
	case err != nil:
		return usagef("name a file that can be written", "output-file %s: cannot be written", v.file)
	}
	return nil
}

// Run asks for the code, draws it and writes the picture.
func (v *darajaQR) Run(ctx context.Context) error {
	amount, err := flagAmount(v.amount)
	if err == nil {
		err = v.checkFile()
	}
	if err != nil {
		return err
	}
	client, _, err := openDaraja(ctx, v.session, appKeys())
	if err != nil {
		return err
	}
	ctx, cancel := v.deadline.bound(ctx, sendTimeout)
	defer cancel()
	progress := v.out.Progress("asking for a QR code")
	picture, err := client.DynamicQR(ctx, daraja.QRRequest{
		MerchantName: v.merchant, Reference: v.reference, Amount: amount, Kind: daraja.QRKind(strings.ToUpper(v.kind)), CPI: v.cpi, Size: v.size,
	})
	progress.Stop()
	if err != nil {
		return err
	}
	shown := qrView{
		Merchant: v.merchant, Amount: amount.String(), Currency: string(amount.Currency()), Reference: v.reference,
		Type: payment.OrNull(strings.ToUpper(v.kind)), File: payment.OrNull(v.file), Bytes: len(picture),
	}
	if v.file == "" {
		shown.PNG = payment.OrNull(base64.StdEncoding.EncodeToString(picture))
	} else if err := v.write(picture); err != nil {
		return err
	}
	modules, drawable := readModules(picture)
	shown.blocks = drawBlocks(modules)
	if !drawable {
		if v.file == "" && v.out.Format() == ui.FormatText {
			return usagef("add --output-file FILE and look at the picture", "the picture cannot be drawn in a terminal")
		}
		v.out.Note("the picture cannot be drawn in a terminal; look at the file")
	}
	return v.out.One(shown)
}

// maxPicture bounds the pictures that are decoded, in pixels.
const maxPicture = 4_000_000

// readModules finds the modules of a QR code in a picture of it: a square of
// dark pixels whose first run is the 7 modules of a finder pattern. A picture
// with a frame or a logo around it may not be readable, which is no error.
func readModules(picture []byte) ([][]bool, bool) {
	header, err := png.DecodeConfig(bytes.NewReader(picture))
	if err != nil || header.Width*header.Height > maxPicture {
		return nil, false
	}
	img, err := png.Decode(bytes.NewReader(picture))
	if err != nil {
		return nil, false
	}
	box, found := darkBox(img)
	if !found || box.Dx() != box.Dy() {
		return nil, false
	}
	run := 0
	for x := box.Min.X; x < box.Max.X && dark(img, x, box.Min.Y); x++ {
		run++
	}
	module := float64(run) / 7
	count := int(float64(box.Dx())/module + 0.5)
	if run < 7 || count < 21 || count > 177 || count%4 != 1 {
		return nil, false
	}
	step := float64(box.Dx()) / float64(count)
	modules := make([][]bool, count)
	for row := range modules {
		modules[row] = make([]bool, count)
		for column := range modules[row] {
			x := box.Min.X + int((float64(column)+0.5)*step)
			y := box.Min.Y + int((float64(row)+0.5)*step)
			modules[row][column] = dark(img, x, y)
		}
	}
	return modules, true
}

// darkBox is the smallest rectangle around all dark pixels.
func darkBox(img image.Image) (image.Rectangle, bool) {
	var box image.Rectangle
	bounds := img.Bounds()
	for y := bounds.Min.Y; y < bounds.Max.Y; y++ {
		for x := bounds.Min.X; x < bounds.Max.X; x++ {
			if dark(img, x, y) {
				box = box.Union(image.Rect(x, y, x+1, y+1))
			}
		}
	}
	return box, !box.Empty()
}

func dark(img image.Image, x, y int) bool {
	r, g, b, alpha := img.At(x, y).RGBA()
	return alpha > 0x7fff && r+g+b < 3*0x8000
}

// quiet is the light margin in modules that scanners want around a code.
const quiet = 2

// drawBlocks draws light modules as blocks, two rows a line, as terminals are
// dark more often than light; scanners read either.
func drawBlocks(modules [][]bool) string {
	light := func(row, column int) bool {
		row, column = row-quiet, column-quiet
		return row < 0 || column < 0 || row >= len(modules) || column >= len(modules) || !modules[row][column]
	}
	if len(modules) == 0 {
		return ""
	}
	side := len(modules) + 2*quiet
	var b strings.Builder
	for row := 0; row < side; row += 2 {
		for column := range side {
			upper, lower := light(row, column), row+1 < side && light(row+1, column)
			switch {
			case upper && lower:
				b.WriteRune('█')
			case upper:
				b.WriteRune('▀')
			case lower:
				b.WriteRune('▄')
			default:
				b.WriteByte(' ')
			}
		}
		b.WriteByte('\n')
	}
	return b.String()
}
