package main

import (
	"bytes"
	"encoding/json"
	"html"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// recordings are the sessions of testdata/recordings, by file name.
func recordings() map[string]string {
	return map[string]string{
		"demo":   "payctl demo",
		"verify": "payctl webhook trigger deposit.completed --print | payctl webhook sign --wrong sorted-keys | payctl webhook verify --explain",
	}
}

// castHeader is the first line of an asciicast of version 2.
type castHeader struct {
	Version int    `json:"version"`
	Width   int    `json:"width"`
	Height  int    `json:"height"`
	Title   string `json:"title"`
}

// TestRecordings holds the recorded sessions to their form and the picture to its session;
// under WRITE_RECORDINGS they are recorded anew from real runs ("make recordings").
func TestRecordings(t *testing.T) {
	t.Parallel()
	dir := filepath.Join("..", "..", "testdata", "recordings")
	write := os.Getenv("WRITE_RECORDINGS") != ""
	for name, command := range recordings() {
		file := filepath.Join(dir, name+".cast")
		if write {
			writeFile(t, file, record(t, command))
		}
		header, shown := playCast(t, file)
		if header.Version != 2 || header.Title != command || !strings.HasPrefix(shown, "$ "+command) || strings.ContainsRune(shown, 0xFFFD) {
			t.Errorf("%s: %+v is not the session of %q", file, header, command)
		}
		if name != "demo" {
			continue
		}
		picture := filepath.Join(dir, name+".svg")
		if write {
			writeFile(t, picture, svgOf(shown))
		}
		if got, err := os.ReadFile(picture); err != nil || !bytes.Equal(got, svgOf(shown)) {
			t.Errorf("%s is not the picture of its session (%v); run \"make recordings\"", picture, err)
		}
		if !strings.Contains(shown, "\nall outcomes as expected") {
			t.Errorf("%s does not come to its end:\n%s", file, shown)
		}
	}
}

func writeFile(t *testing.T, name string, data []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, data, 0o644); err != nil {
		t.Fatal(err)
	}
}

// record runs a command in a terminal of 100 columns. Times are kept to a tenth of a second
// and the free ports are written as the usual ones, so that two recordings can be compared.
func record(t *testing.T, command string) []byte {
	t.Helper()
	master, slave, err := openPTY()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = master.Close() }()
	header := castHeader{Version: 2, Width: 100, Height: 40, Title: command}
	if err := unix.IoctlSetWinsize(int(slave.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Col: uint16(header.Width), Row: uint16(header.Height)}); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "sh", "-c", command)
	cmd.Dir, cmd.Stdout, cmd.Stderr = t.TempDir(), slave, slave
	cmd.Env = []string{"HOME=" + cmd.Dir, "PATH=" + os.Getenv("PATH"), "TERM=xterm", "LANG=C.UTF-8", "NO_COLOR=1", "TZ=Africa/Nairobi"}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_ = slave.Close()
	var cast bytes.Buffer
	lines := json.NewEncoder(&cast)
	lines.SetEscapeHTML(false)
	_ = lines.Encode(header)
	started := time.Now()
	event := func(text string) {
		at := math.Round(time.Since(started).Seconds()*10) / 10
		_ = lines.Encode([]any{at, "o", usualPorts(text)})
	}
	event("$ " + command + "\r\n")
	piece := make([]byte, 32<<10)
	for {
		n, err := master.Read(piece)
		if n > 0 {
			event(string(piece[:n]))
		}
		if err != nil { // how a terminal ends
			break
		}
	}
	_ = cmd.Wait() // a signature that does not verify is exit 6
	return cast.Bytes()
}

// usualPorts writes the emulator's and the listener's port for the free ones.
func usualPorts(text string) string {
	text = regexp.MustCompile(`(emulator is ready at http://127\.0\.0\.1:)\d+`).ReplaceAllString(text, "${1}4010")
	return regexp.MustCompile(`(127\.0\.0\.1:)[1-9]\d{4}`).ReplaceAllString(text, "${1}4020")
}

// playCast returns a session's header and what the terminal shows at its end.
func playCast(t *testing.T, file string) (castHeader, string) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var header castHeader
	lines := json.NewDecoder(bytes.NewReader(data))
	if err := lines.Decode(&header); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	var all strings.Builder
	for lines.More() {
		var event []any
		if err := lines.Decode(&event); err != nil || len(event) != 3 {
			t.Fatalf("%s: %v: %v is no event", file, err, event)
		}
		text, _ := event[2].(string)
		all.WriteString(text)
	}
	escape := regexp.MustCompile("\x1b\\[[0-9;?]*[A-Za-z]")
	var shown []string
	for line := range strings.SplitSeq(strings.ReplaceAll(all.String(), "\r\n", "\n"), "\n") {
		shown = append(shown, escape.ReplaceAllString(line[strings.LastIndexByte(line, '\r')+1:], ""))
	}
	return header, strings.Join(shown, "\n")
}

// svgOf draws what a terminal shows, without script or font of its own; a line that is too
// long goes on in the next row.
func svgOf(shown string) []byte {
	const columns, rowHeight = 100, 18
	var rows []string
	for line := range strings.SplitSeq(strings.TrimSpace(shown), "\n") {
		cells := []rune(line)
		for len(cells) > columns {
			rows, cells = append(rows, string(cells[:columns])), cells[columns:]
		}
		rows = append(rows, string(cells))
	}
	var b bytes.Buffer
	b.WriteString(`<svg xmlns="http://www.w3.org/2000/svg" width="880" height="` + strconv.Itoa(len(rows)*rowHeight+24) + `" font-family="monospace" font-size="14">` + "\n")
	b.WriteString(`<rect width="100%" height="100%" rx="6" fill="#1b1f24"/>` + "\n")
	for i, row := range rows {
		b.WriteString(`<text x="14" y="` + strconv.Itoa(26+i*rowHeight) + `" fill="#e6e6e6" xml:space="preserve">` + html.EscapeString(row) + "</text>\n")
	}
	b.WriteString("</svg>\n")
	return b.Bytes()
}
