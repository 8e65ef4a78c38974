package page

import (
	"bytes"
	"image/color"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestInChromium has a browser draw the page in both schemes: each has its own ground,
// and there is ink on it. Where there is no Chromium the colours are held by
// TestContrast alone.
func TestInChromium(t *testing.T) {
	t.Parallel()
	browser, err := exec.LookPath("chromium")
	if err != nil || testing.Short() {
		t.Skip("no chromium")
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "page.html")
	var b bytes.Buffer
	if err := Write(&b, sample()); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	for scheme, ground := range map[string]color.RGBA{"1": {0xfb, 0xfa, 0xf7, 0xff}, "0": {0x14, 0x18, 0x1a, 0xff}} {
		shot := filepath.Join(dir, scheme+".png")
		cmd := exec.CommandContext(t.Context(), browser, "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
			"--user-data-dir="+filepath.Join(dir, "profile"+scheme), "--window-size=800,900", "--blink-settings=preferredColorScheme="+scheme,
			"--screenshot="+shot, "file://"+filepath.ToSlash(file))
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Skipf("chromium does not run here: %v\n%s", err, out)
		}
		f, err := os.Open(shot)
		if err != nil {
			t.Fatal(err)
		}
		img, err := png.Decode(f)
		_ = f.Close()
		if err != nil {
			t.Fatal(err)
		}
		if got := color.RGBAModel.Convert(img.At(2, 2)); got != ground {
			t.Errorf("scheme %s: the ground is %v, want %v", scheme, got, ground)
		}
		inked := 0
		bounds := img.Bounds()
		for y := bounds.Min.Y; y < bounds.Max.Y; y += 2 {
			for x := bounds.Min.X; x < bounds.Max.X; x += 2 {
				if color.RGBAModel.Convert(img.At(x, y)) != ground {
					inked++
				}
			}
		}
		if inked < 1000 {
			t.Errorf("scheme %s: only %d of the points looked at are drawn", scheme, inked)
		}
	}
}
