package view

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// sampleModules is a square with the three finder patterns of a QR code and
// something in between.
func sampleModules(side int) [][]bool {
	modules := make([][]bool, side)
	for row := range modules {
		modules[row] = make([]bool, side)
		for column := range modules[row] {
			modules[row][column] = (row*row+3*column)%5 < 2
		}
	}
	for _, at := range [][2]int{{0, 0}, {0, side - 7}, {side - 7, 0}} {
		for y := -1; y < 8; y++ {
			for x := -1; x < 8; x++ {
				row, column := at[0]+y, at[1]+x
				if row < 0 || column < 0 || row >= side || column >= side {
					continue
				}
				ring := max(max(3-y, y-3), max(3-x, x-3))
				modules[row][column] = ring == 3 || ring < 2
			}
		}
	}
	return modules
}

func pictureOf(t testing.TB, modules [][]bool, scale, margin int) []byte {
	t.Helper()
	side := len(modules)*scale + 2*margin
	img := image.NewGray(image.Rect(0, 0, side, side))
	for y := range side {
		for x := range side {
			img.SetGray(x, y, color.Gray{Y: 255})
			row, column := (y-margin)/scale, (x-margin)/scale
			if y >= margin && x >= margin && row < len(modules) && column < len(modules) && modules[row][column] {
				img.SetGray(x, y, color.Gray{})
			}
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestReadModules(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ side, scale, margin int }{{21, 1, 4}, {25, 4, 16}, {29, 10, 0}, {57, 5, 7}} {
		modules := sampleModules(test.side)
		got, ok := readModules(pictureOf(t, modules, test.scale, test.margin))
		if !ok {
			t.Errorf("%+v: not read", test)
			continue
		}
		if diff := cmp.Diff(modules, got); diff != "" {
			t.Errorf("%+v: (-want +got)\n%s", test, diff)
		}
	}
}

func TestDrawBlocks(t *testing.T) {
	t.Parallel()
	want := "" +
		"███████\n" +
		"██ ▄▀██\n" +
		"██▄█▄██\n" +
		"▀▀▀▀▀▀▀\n"
	got := drawBlocks([][]bool{{true, true, false}, {true, false, true}, {true, false, true}})
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if got := drawBlocks(nil); got != "" {
		t.Errorf("nothing is drawn as %q", got)
	}
}

// FuzzReadModules: whatever the gateway sends as a picture, the result is a
// square of a QR code's size or none.
func FuzzReadModules(f *testing.F) {
	f.Add(pictureOf(f, sampleModules(21), 2, 2))
	f.Add([]byte("\x89PNG\r\n\x1a\n"))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, picture []byte) {
		modules, ok := readModules(picture)
		if ok != (len(modules) > 0) {
			t.Fatalf("%d rows, read %v", len(modules), ok)
		}
		for _, row := range modules {
			if len(row) != len(modules) || len(row)%4 != 1 || len(row) < 21 || len(row) > 177 {
				t.Fatalf("%d columns of %d rows", len(row), len(modules))
			}
		}
		_ = drawBlocks(modules)
	})
}
