package statement

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/csv"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/payctl/payctl/internal/payment"
)

// source gives a file's rows one by one. The cells are valid until the next call.
// rowError is a row that cannot be taken apart; any other error ends the file.
type source interface {
	next() (line int, cells []string, err error)
}

// rowError is a row that cannot be taken apart into cells.
type rowError struct{ problem string }

func (e *rowError) Error() string { return e.problem }

// mostAtOnce bounds what one row of a text file, or one element of a sheet, may hold.
const mostAtOnce = 1 << 20

// hashing hashes what is read through it.
type hashing struct {
	r io.Reader
	h hash.Hash
}

func newHashing(r io.Reader) *hashing { return &hashing{r, sha256.New()} }

func (h *hashing) Read(p []byte) (int, error) {
	n, err := h.r.Read(p)
	_, _ = h.h.Write(p[:n])
	return n, err
}

// sum reads what is left and returns the hash of all.
func (h *hashing) sum() (string, error) {
	if _, err := io.Copy(io.Discard, h); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.h.Sum(nil)), nil
}

// refuse is the error for a file that is none of a merchant's statements.
func refuse(name, problem, hint string) error {
	return payment.Usage("statement "+payment.Line(name, 120)+": "+payment.Line(problem, 300), hint)
}

const exportHint = "export the statement of the Utility or Merchant account as CSV or XLSX"

// oleMagic begins the files of Excel 97, and those of newer ones that a password protects.
func oleMagic() []byte { return []byte{0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1} }

// isEncrypted reports whether an OLE file holds an encrypted workbook, by the names in the
// first sectors of its directory.
func isEncrypted(r io.ReaderAt, head []byte) bool {
	if !bytes.HasPrefix(head, oleMagic()) || len(head) < 0x34 {
		return false
	}
	shift := binary.LittleEndian.Uint16(head[0x1e:])
	first := int64(binary.LittleEndian.Uint32(head[0x30:]))
	if shift < 7 || shift > 12 {
		return false
	}
	directory := make([]byte, 4096)
	n, _ := r.ReadAt(directory, (first+1)<<shift)
	var name []byte
	for _, c := range "EncryptedPackage" {
		name = append(name, byte(c), 0)
	}
	return bytes.Contains(directory[:n], name)
}

// notText names what a file is that is no text, by its first bytes; "" for text.
func notText(head []byte) (problem, hint string) {
	text := bytes.TrimLeft(bytes.TrimPrefix(head, []byte("\ufeff")), " \t\r\n")
	switch {
	case bytes.HasPrefix(head, oleMagic()[:4]):
		return "is an Excel 97 file (.xls), which payctl does not read", "export it as CSV, or open it in a spreadsheet and save it as XLSX"
	case bytes.HasPrefix(head, []byte("%PDF")):
		return "is a PDF, whose text cannot be read without guessing", exportHint
	case bytes.HasPrefix(head, []byte{0x1f, 0x8b}):
		return "is compressed (gzip)", "unpack it first"
	case bytes.HasPrefix(head, []byte{0xff, 0xfe}), bytes.HasPrefix(head, []byte{0xfe, 0xff}):
		return "is UTF-16 text", "save it as CSV UTF-8"
	case bytes.HasPrefix(text, []byte("<")):
		return "is HTML or XML under another name, perhaps a log-in page of the portal", exportHint
	case len(text) > 0 && (text[0] == '{' || text[0] == '['):
		return "is JSON", exportHint
	case bytes.IndexByte(head, 0) >= 0:
		return "is no text", exportHint
	}
	return "", ""
}

// textSource reads CSV, whatever separates its cells.
type textSource struct {
	csv *csv.Reader
	in  *bounded
}

// newTextSource finds the separator in the beginning of the file, by the row that
// heads the columns.
func newTextSource(r io.Reader, in *bounded, head []byte, isHeader func([]string) bool) *textSource {
	head = bytes.TrimPrefix(head, []byte("\ufeff"))
	comma := ','
	for _, c := range []rune{',', ';', '\t', '|'} {
		probe := csv.NewReader(bytes.NewReader(head))
		probe.Comma, probe.FieldsPerRecord = c, -1
		if heads(probe, isHeader) {
			comma = c
			break
		}
	}
	reader := csv.NewReader(r)
	reader.Comma, reader.FieldsPerRecord, reader.ReuseRecord = comma, -1, true
	return &textSource{reader, in}
}

func heads(r *csv.Reader, isHeader func([]string) bool) bool {
	for range mostPreamble {
		cells, err := r.Read()
		if errors.Is(err, io.EOF) {
			return false
		}
		if err == nil && isHeader(decoded(cells)) {
			return true
		}
	}
	return false
}

func (s *textSource) next() (int, []string, error) {
	s.in.since = 0
	cells, err := s.csv.Read()
	var bad *csv.ParseError
	switch {
	case errors.As(err, &bad):
		// A quotation mark that nothing closes has swallowed the rest of the file.
		if errors.Is(bad.Err, csv.ErrQuote) && bad.Line != bad.StartLine {
			return bad.StartLine, nil, fmt.Errorf("a quotation mark that opens in line %d does not close as it should in line %d", bad.StartLine, bad.Line)
		}
		return bad.StartLine, nil, &rowError{"a quotation mark stands inside a cell"}
	case err != nil:
		return 0, nil, err
	}
	line, _ := s.csv.FieldPos(0)
	return line, decoded(cells), nil
}

// decoded turns cells that are not UTF-8 from Windows' code page 1252, which older
// spreadsheets save.
func decoded(cells []string) []string {
	for i, cell := range cells {
		if !utf8.ValidString(cell) {
			cells[i] = from1252(cell)
		}
	}
	return cells
}

func from1252(s string) string {
	// The 32 places where code page 1252 is not Latin-1; a blank stands for none.
	const high = "€ ‚ƒ„…†‡ˆ‰Š‹Œ Ž  ‘’“”•–—˜™š›œ žŸ"
	places := []rune(high)
	var b strings.Builder
	for i := range len(s) {
		switch c := s[i]; {
		case c >= 0x80 && c < 0xa0:
			b.WriteRune(places[c-0x80])
		default:
			b.WriteRune(rune(c))
		}
	}
	return b.String()
}

// bounded ends a reader of which too much is read for one row or element, so that no file
// can take all memory. since is how much was; what takes rows or elements sets it to 0.
type bounded struct {
	r     io.Reader
	what  string
	since int
}

func (b *bounded) Read(p []byte) (int, error) {
	if b.since > mostAtOnce {
		return 0, fmt.Errorf("%s is longer than %d bytes", b.what, mostAtOnce)
	}
	n, err := b.r.Read(p)
	b.since += n
	return n, err
}
