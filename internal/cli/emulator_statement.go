package cli

import (
	"context"
	"encoding/base64"
	"net/http"
	"net/url"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/payctl/payctl/internal/emulator"
	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/ui"
	"github.com/payctl/payctl/internal/view"
)

// emulatorStatement is "payctl emulator statement".
type emulatorStatement struct {
	control
	from, to, family, shortcode string
	output                      outputFile
}

func newEmulatorStatement(s *session) *cobra.Command {
	v := &emulatorStatement{control: control{session: s}}
	cmd := &cobra.Command{
		Use:   "statement",
		Short: "Export what the portal would have of the emulator's payments",
		Long: `Writes the statement file that M-PESA's portal would have exported of the emulator's
own payments: B is the organisation portal's CSV, C its newer template, D the XLSX of
M-PESA for Business. Payments carry charges of 0.55 %, reversals name what they reverse,
and after every third transaction what is above the opening balance is swept to the
settlement account. Whether the application was called back makes no difference: lose
callbacks (payctl emulator behaviours --set callback-lost), and the file knows better.

The file goes to stdout, or with --output-file to a file; a directory gets it under the
portal's own name, which for C alone says short code and period.`,
		Example: "  payctl emulator statement > statement.csv\n  payctl emulator statement --from 2026-11-04 --to 2026-11-04 --family D --output-file .",
		Args:    noArgs,
		RunE:    s.run(v.Run),
	}
	f := cmd.Flags()
	f.StringVar(&v.from, "from", "", "first `TIME`: a date, a date and time in Nairobi, RFC 3339, or an age (default: today)")
	f.StringVar(&v.to, "to", "", "last `TIME`, itself included (default: today)")
	f.StringVar(&v.family, "family", "B", "family of files: `B|C|D`")
	f.StringVar(&v.shortcode, "shortcode", "", "`CODE` of the paybill or till (default: the local paybill)")
	v.output.bind(f, "write to this `FILE`, or into this directory")
	v.bindURL(f)
	return cmd
}

// Run exports the statement.
func (v *emulatorStatement) Run(ctx context.Context) error {
	var s emulator.Statement
	query := url.Values{"from": {v.from}, "to": {v.to}, "family": {v.family}, "shortcode": {v.shortcode}}
	if err := v.call(ctx, http.MethodGet, "statement?"+query.Encode(), nil, &s); err != nil {
		return err
	}
	shown := view.Statement{Statement: s}
	if v.output.file == "" {
		if v.out.Format() == ui.FormatText {
			return v.print(s)
		}
		shown.Content = payment.OrNull(base64.StdEncoding.EncodeToString(s.Content))
		return v.out.One(shown)
	}
	file, err := v.write(s)
	if err != nil {
		return err
	}
	shown.File = &file
	return v.out.One(shown)
}

// print writes the file itself to stdout.
func (v *emulatorStatement) print(s emulator.Statement) error {
	if isTerminal(v.in.Stdout) && s.Family == "D" {
		return usagef("add --output-file FILE", "family D: is a workbook, which no terminal can show")
	}
	return v.out.Raw(s.Content)
}

func (v *emulatorStatement) write(s emulator.Statement) (string, error) {
	path := v.output.file
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		path = filepath.Join(path, s.Name)
	}
	return path, v.output.save(path, s.Content)
}
