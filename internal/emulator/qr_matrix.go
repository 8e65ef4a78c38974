package emulator

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
)

// qrMatrix is a symbol in the making.
type qrMatrix struct {
	version int
	size    int
	dark    [][]bool
	taken   [][]bool // function patterns, which carry no data
}

func newQRMatrix(version int, align []int) *qrMatrix {
	m := &qrMatrix{version: version, size: 17 + 4*version}
	for range m.size {
		m.dark = append(m.dark, make([]bool, m.size))
		m.taken = append(m.taken, make([]bool, m.size))
	}
	for i := range m.size {
		m.set(6, i, i%2 == 0)
		m.set(i, 6, i%2 == 0)
	}
	m.square(3, 3, 4)
	m.square(m.size-4, 3, 4)
	m.square(3, m.size-4, 4)
	last := len(align) - 1
	for i, x := range align {
		for j, y := range align {
			if i == 0 && j == 0 || i == 0 && j == last || i == last && j == 0 {
				continue // the finders stand there
			}
			m.square(x, y, 2)
		}
	}
	m.format()
	m.versionInfo()
	return m
}

// set draws a function module.
func (m *qrMatrix) set(x, y int, dark bool) {
	m.dark[y][x], m.taken[y][x] = dark, true
}

// square draws a finder (radius 4: its rings 2 and 4 are white) or an alignment pattern (radius 2: its ring 1 is).
func (m *qrMatrix) square(x, y, radius int) {
	for dy := -radius; dy <= radius; dy++ {
		for dx := -radius; dx <= radius; dx++ {
			if x+dx < 0 || x+dx >= m.size || y+dy < 0 || y+dy >= m.size {
				continue
			}
			ring := max(dx, -dx, dy, -dy)
			white := ring == 1
			if radius == 4 {
				white = ring == 2 || ring == 4
			}
			m.set(x+dx, y+dy, !white)
		}
	}
}

// format draws the format information: level M and mask 0, whose 15 bits are always these.
func (m *qrMatrix) format() {
	const bits = 0x5412 // level M is 00 and mask 0 is 000, so that only the fixed mask of the format remains
	bit := func(i int) bool { return bits>>i&1 == 1 }
	for i := range 6 {
		m.set(8, i, bit(i))
	}
	m.set(8, 7, bit(6))
	m.set(8, 8, bit(7))
	m.set(7, 8, bit(8))
	for i := 9; i < 15; i++ {
		m.set(14-i, 8, bit(i))
	}
	for i := range 8 {
		m.set(m.size-1-i, 8, bit(i))
	}
	for i := 8; i < 15; i++ {
		m.set(8, m.size-15+i, bit(i))
	}
	m.set(8, m.size-8, true)
}

// versionInfo draws the version of symbols from 7 on.
func (m *qrMatrix) versionInfo() {
	if m.version < 7 {
		return
	}
	rest := m.version
	for range 12 {
		rest = rest<<1 ^ rest>>11*0x1F25
	}
	bits := m.version<<12 | rest
	for i := range 18 {
		a, b := m.size-11+i%3, i/3
		m.set(a, b, bits>>i&1 == 1)
		m.set(b, a, bits>>i&1 == 1)
	}
}

// place fills the data in, two columns at a time in zigzag from the right, masked so that even squares are inverted.
func (m *qrMatrix) place(data []byte) {
	i := 0
	for right := m.size - 1; right >= 1; right -= 2 {
		if right == 6 {
			right = 5
		}
		for step := range m.size {
			y := step
			if (right+1)&2 == 0 {
				y = m.size - 1 - step
			}
			for _, x := range []int{right, right - 1} {
				if m.taken[y][x] {
					continue
				}
				dark := i < len(data)*8 && data[i/8]>>(7-i%8)&1 == 1
				m.dark[y][x] = dark != ((x+y)%2 == 0)
				i++
			}
		}
	}
}

// qrQuiet is the white border that readers need, in modules.
const qrQuiet = 4

// qrPNG draws the modules as a PNG of about the given width in pixels.
func qrPNG(modules [][]bool, width int) ([]byte, error) {
	side := len(modules) + 2*qrQuiet
	scale := max(width/side, 1)
	img := image.NewPaletted(image.Rect(0, 0, side*scale, side*scale), color.Palette{color.White, color.Black})
	for y := range side * scale {
		for x := range side * scale {
			row, column := y/scale-qrQuiet, x/scale-qrQuiet
			if row >= 0 && row < len(modules) && column >= 0 && column < len(modules) && modules[row][column] {
				img.SetColorIndex(x, y, 1)
			}
		}
	}
	var buf bytes.Buffer
	err := png.Encode(&buf, img)
	return buf.Bytes(), err
}
