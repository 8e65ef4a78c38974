package web

import (
	"bytes"
	"embed"
	"encoding/json"
	"errors"
	"html/template"
	"mime"
	"net/http"
	"path"
	"strings"
	"sync"

	"github.com/payctl/payctl/internal/page"
	"github.com/payctl/payctl/internal/payment"
)

//go:embed assets
var assets embed.FS

// answer is what a page answers with: one of its fields.
type answer struct {
	// page is a template's name, data what it shows. Of a request for a part alone, the
	// part of that name is sent.
	page string
	data any
	// title heads the page.
	title string
	// to is where to go on.
	to string
	// document is answered as JSON.
	document any
	// file is answered as it is.
	file *file
}

type file struct {
	name string
	data []byte
}

// frame is what a page stands in.
type frame struct {
	Title string
	Page  string
	Strip strip
	Phone bool
	Data  any
}

// partHeader asks for a part of a page alone.
const partHeader = "Payctl-Part"

// serve answers with a page, or with the error that came instead.
func (s *Server) serve(w http.ResponseWriter, r *http.Request, page func(*http.Request) (answer, error)) {
	a, err := page(r)
	status := http.StatusOK
	if err != nil {
		status, a = s.failed(r, err)
	}
	switch {
	case a.to != "":
		http.Redirect(w, r, a.to, http.StatusSeeOther)
	case a.document != nil:
		data, err := json.Marshal(a.document)
		if err != nil {
			http.Error(w, "this cannot be written as JSON", http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = w.Write(append(data, '\n'))
	case a.file != nil:
		w.Header().Set("Content-Type", "application/octet-stream")
		w.Header().Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": a.file.name}))
		_, _ = w.Write(a.file.data)
	default:
		s.write(w, r, status, a)
	}
}

// write renders a page or a part of one. Whatever is on it passes one filter: characters
// that hide, end or turn text around are spelled out.
func (s *Server) write(w http.ResponseWriter, r *http.Request, status int, a answer) {
	t, err := templates()
	if err != nil {
		http.Error(w, "a page is broken: "+err.Error(), http.StatusInternalServerError)
		return
	}
	name, data := "frame", a.data
	if part := r.Header.Get(partHeader); part != "" && t.Lookup(a.page+"-"+part) != nil {
		name = a.page + "-" + part
	} else {
		data = frame{Title: a.title, Page: a.page, Strip: s.strip(r.Context()), Phone: s.Emulator != nil, Data: a.data}
	}
	var b bytes.Buffer
	if err := t.ExecuteTemplate(&b, name, data); err != nil {
		http.Error(w, "the page cannot be written", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(payment.Escape(b.String(), '\n', '\t')))
}

// problem is an error as a page shows it.
type problem struct {
	Status  int    `json:"-"`
	Kind    string `json:"kind"`
	Message string `json:"message"`
	Hint    string `json:"hint"`
}

func (s *Server) failed(r *http.Request, err error) (int, answer) {
	p := problem{Kind: payment.KindOf(err).String(), Message: err.Error(), Status: statusOf(payment.KindOf(err))}
	if e, ok := errors.AsType[*payment.Error](err); ok {
		p.Message, p.Hint = e.Message, e.Hint
	}
	if errors.Is(err, errReadOnly) {
		p.Status = http.StatusForbidden
	}
	p.Message = payment.MaskDigits(p.Message)
	if strings.HasPrefix(r.URL.Path, "/api/") {
		return p.Status, answer{document: map[string]problem{"error": p}}
	}
	return p.Status, answer{page: "problem", title: "Not shown", data: p}
}

func statusOf(k payment.Kind) int {
	switch k {
	case payment.KindUsage:
		return http.StatusBadRequest
	case payment.KindNotFound:
		return http.StatusNotFound
	case payment.KindConflict:
		return http.StatusConflict
	case payment.KindUnavailable, payment.KindPending:
		return http.StatusServiceUnavailable
	default:
		return http.StatusInternalServerError
	}
}

// templates parses the pages when the first one is asked for.
//
//nolint:gochecknoglobals // made once, and never changed
var templates = sync.OnceValues(func() (*template.Template, error) {
	return template.New("").Funcs(template.FuncMap{
		"sign": sign,
		"dict": func(pairs ...any) map[string]any {
			m := map[string]any{}
			for i := 0; i+1 < len(pairs); i += 2 {
				if name, ok := pairs[i].(string); ok {
					m[name] = pairs[i+1]
				}
			}
			return m
		},
	}).ParseFS(assets, "assets/*.html")
})

// sign is how a mark is told without colour.
func sign(m page.Mark) string {
	switch m {
	case page.Good:
		return "✓"
	case page.Warn:
		return "▲"
	case page.Bad:
		return "✗"
	case page.Plain:
	}
	return ""
}

// serveAsset serves the script and the style.
func serveAsset(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("name")
	data, err := assets.ReadFile("assets/" + name)
	switch ext := path.Ext(name); {
	case err != nil || ext == ".html":
		http.NotFound(w, r)
		return
	case ext == ".css":
		data = append([]byte(page.Style()), data...)
	}
	w.Header().Set("Content-Type", mime.TypeByExtension(path.Ext(name)))
	_, _ = w.Write(data)
}
