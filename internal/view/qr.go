package view

import (
	"bytes"
	"image"
	"image/png"
	"strings"

	"github.com/payctl/payctl/internal/ui"
)

// QR is a QR code.
type QR struct {
	Merchant  string  `json:"merchant"`
	Amount    string  `json:"amount"`
	Currency  string  `json:"currency"`
	Reference string  `json:"reference"`
	Type      *string `json:"type"`
	File      *string `json:"file"`
	Bytes     int     `json:"bytes"`
	// PNG is the picture itself where no file was named.
	PNG *string `json:"png_base64"`
	// Drawn is the code as characters; see DrawQR.
	Drawn string `json:"-"`
}

// Text draws the code for people.
func (v QR) Text(t *ui.Text) {
	t.Block(0, v.Drawn)
	t.Line(ui.Bold(v.Merchant), ui.Plain("  "+v.Amount+" "+v.Currency+"  "+v.Reference))
	if v.File != nil {
		t.Line(ui.Dim("written to " + *v.File))
	}
}

// DrawQR draws the picture of a QR code with block characters. It reports false for a
// picture in which no code is found.
func DrawQR(picture []byte) (string, bool) {
	modules, found := readModules(picture)
	return drawBlocks(modules), found
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

// drawBlocks draws light modules as Blocks, two rows a line, as terminals are
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
