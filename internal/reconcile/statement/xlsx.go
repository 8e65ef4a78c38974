package statement

import (
	"archive/zip"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"path"
	"strconv"
	"strings"
)

// XLSX is a zip of XML parts, of which a statement needs three: the workbook, its
// shared texts and the sheets. A whole library for it costs every start of payctl
// 1.2 ms and 1.3 MB (excelize's package variables), so they are read here.

const (
	mostSheets  = 50
	mostShared  = 64 << 20 // bytes of shared texts held
	sharedCost  = 16       // bytes that a text takes beside its letters
	mostText    = 1 << 20  // bytes of one cell
	mostColumns = 256
	// A part that unpacks to more than freeSize bytes and mostRatio times its size is none
	// of a statement; such are made to use up memory or time.
	freeSize  = 16 << 20
	mostRatio = 200
	// encryptedFlag is the bit of a part's flags that tells a password.
	encryptedFlag = 1
)

type workbook struct {
	zip    *zip.Reader
	sheets []string // paths of the sheets' parts, in order
	shared []string
}

func openWorkbook(r io.ReaderAt, size int64) (*workbook, error) {
	z, err := zip.NewReader(r, size)
	if err != nil {
		return nil, errors.New("is a damaged zip file")
	}
	w := &workbook{zip: z}
	if err := w.findSheets(); err != nil {
		return nil, err
	}
	return w, w.readShared()
}

// part opens one part of the zip as XML; nil where it is not there.
func (w *workbook) part(name string) (*tokens, error) {
	for _, f := range w.zip.File {
		if !strings.EqualFold(strings.TrimPrefix(f.Name, "/"), name) {
			continue
		}
		if f.Flags&encryptedFlag != 0 {
			return nil, errors.New("is a zip file that a password protects")
		}
		r, err := f.Open()
		if err != nil {
			return nil, err
		}
		in := &bounded{r: &unpacked{r, max(freeSize, mostRatio*int64(f.CompressedSize64))}, what: "an element"}
		return &tokens{xml.NewDecoder(in), in, r}, nil
	}
	return nil, nil
}

// tokens are those of one part.
type tokens struct {
	xml *xml.Decoder
	in  *bounded
	io.Closer
}

func (t *tokens) next() (xml.Token, error) {
	t.in.since = 0
	return t.xml.RawToken()
}

// unpacked bounds how many bytes a part may hold.
type unpacked struct {
	r    io.Reader
	most int64
}

func (u *unpacked) Read(p []byte) (int, error) {
	n, err := u.r.Read(p)
	if u.most -= int64(n); u.most < 0 {
		return n, errors.New("it unpacks to many times its size")
	}
	return n, err
}

func (w *workbook) findSheets() error {
	targets := map[string]string{}
	err := w.each("xl/_rels/workbook.xml.rels", func(e xml.StartElement, _ *tokens) error {
		if e.Name.Local == "Relationship" {
			targets[attribute(e, "Id")] = attribute(e, "Target")
		}
		return nil
	})
	if err != nil {
		return err
	}
	err = w.each("xl/workbook.xml", func(e xml.StartElement, _ *tokens) error {
		if from := attribute(e, "date1904"); e.Name.Local == "workbookPr" && (from == "1" || from == "true") {
			return errors.New("counts its days from 1904, as old spreadsheets of the Macintosh do")
		}
		if target := targets[attribute(e, "id")]; e.Name.Local == "sheet" && target != "" && len(w.sheets) < mostSheets {
			if !strings.HasPrefix(target, "/") {
				target = path.Join("xl", target)
			}
			w.sheets = append(w.sheets, strings.TrimPrefix(target, "/"))
		}
		return nil
	})
	if err == nil && len(w.sheets) == 0 {
		err = errors.New("is a zip file without a workbook in it")
	}
	return err
}

func (w *workbook) readShared() error {
	held := 0
	return w.each("xl/sharedStrings.xml", func(e xml.StartElement, d *tokens) error {
		if e.Name.Local != "si" {
			return nil
		}
		text, err := textOf(d, "si")
		if err != nil {
			return err
		}
		if held += len(text) + sharedCost; held > mostShared {
			return errors.New("holds too many different texts")
		}
		w.shared = append(w.shared, text)
		return nil
	})
}

// each calls see with every start element of a part, which may not be there.
func (w *workbook) each(name string, see func(xml.StartElement, *tokens) error) error {
	d, err := w.part(name)
	if err != nil || d == nil {
		return err
	}
	defer func() { _ = d.Close() }()
	for {
		token, err := d.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%s cannot be read: %w", name, err)
		}
		if start, ok := token.(xml.StartElement); ok {
			if err := see(start, d); err != nil {
				return err
			}
		}
	}
}

func attribute(e xml.StartElement, name string) string {
	for _, a := range e.Attr {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

// textOf gathers the text of an element, without its phonetic runs.
func textOf(d *tokens, until string) (string, error) {
	var b strings.Builder
	inText, phonetic := false, 0
	for {
		token, err := d.next()
		if err != nil {
			return "", err
		}
		switch t := token.(type) {
		case xml.StartElement:
			if t.Name.Local == "rPh" {
				phonetic++
			}
			inText = t.Name.Local == "t"
		case xml.EndElement:
			if t.Name.Local == until {
				return b.String(), nil
			}
			if t.Name.Local == "rPh" {
				phonetic--
			}
			inText = false
		case xml.CharData:
			if inText && phonetic == 0 && b.Len() < mostText {
				b.Write(t)
			}
		}
	}
}

// sheetSource reads a sheet's rows.
type sheetSource struct {
	book  *workbook
	xml   *tokens
	row   int
	cells []string
}

func (w *workbook) open(i int) (*sheetSource, error) {
	d, err := w.part(w.sheets[i])
	if err != nil {
		return nil, err
	}
	if d == nil {
		return nil, errors.New("names a sheet that is not in it")
	}
	return &sheetSource{book: w, xml: d}, nil
}

func (s *sheetSource) next() (int, []string, error) {
	for {
		token, err := s.xml.next()
		if errors.Is(err, io.EOF) {
			return 0, nil, io.EOF
		}
		if err != nil {
			return 0, nil, fmt.Errorf("a sheet cannot be read after row %d: %w", s.row, err)
		}
		start, ok := token.(xml.StartElement)
		if !ok || start.Name.Local != "row" {
			continue
		}
		s.row++
		if n, err := strconv.Atoi(attribute(start, "r")); err == nil && n > 0 {
			s.row = n
		}
		if err := s.readRow(); err != nil {
			return 0, nil, fmt.Errorf("row %d cannot be read: %w", s.row, err)
		}
		return s.row, s.cells, nil
	}
}

func (s *sheetSource) readRow() error {
	s.cells = s.cells[:0]
	for {
		token, err := s.xml.next()
		if err != nil {
			return err
		}
		switch t := token.(type) {
		case xml.EndElement:
			if t.Name.Local == "row" {
				return nil
			}
		case xml.StartElement:
			if t.Name.Local != "c" {
				continue
			}
			column := len(s.cells)
			if n, ok := columnOf(attribute(t, "r")); ok {
				column = n
			}
			text, err := s.cell(attribute(t, "t"))
			if err != nil {
				return err
			}
			for column < mostColumns && len(s.cells) <= column {
				s.cells = append(s.cells, "")
			}
			if column < mostColumns {
				s.cells[column] = text
			}
		}
	}
}

// cell reads one cell to its end.
func (s *sheetSource) cell(kind string) (string, error) {
	var value strings.Builder
	reading := false
	for {
		token, err := s.xml.next()
		if err != nil {
			return "", err
		}
		switch t := token.(type) {
		case xml.StartElement:
			if t.Name.Local == "is" {
				text, err := textOf(s.xml, "is")
				if err != nil {
					return "", err
				}
				value.WriteString(text)
				continue
			}
			reading = t.Name.Local == "v"
		case xml.CharData:
			if reading && value.Len() < mostText {
				value.Write(t)
			}
		case xml.EndElement:
			reading = false
			if t.Name.Local == "c" {
				return s.meaning(kind, value.String()), nil
			}
		}
	}
}

func (s *sheetSource) meaning(kind, value string) string {
	switch kind {
	case "s":
		if i, err := strconv.Atoi(value); err == nil && i >= 0 && i < len(s.book.shared) {
			return s.book.shared[i]
		}
		return ""
	case "", "n":
		return spelled(value)
	case "b":
		if value == "1" {
			return "true"
		}
		return "false"
	}
	return value
}

// columnOf reads the letters of a cell's address: AB12 is column 27.
func columnOf(address string) (int, bool) {
	n, i := 0, 0
	for i < len(address) && address[i] >= 'A' && address[i] <= 'Z' && n < 1<<20 {
		n = n*26 + int(address[i]-'A') + 1
		i++
	}
	return n - 1, i > 0
}
