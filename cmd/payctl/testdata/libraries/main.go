// Command libraries links what payctl is made of and does next to nothing with
// it: without an argument it prints a line, with a ledger's path it also reads a
// line of settings and asks the ledger one question. What that takes at start-up
// is the floor under payctl's own figures.
package main

import (
	"context"
	"database/sql"
	"encoding/xml"
	"errors"
	"net/http"
	"os"
	"strings"
	"text/template"
	"time"
	_ "time/tzdata"

	"github.com/boombuler/barcode/qr"
	"github.com/briandowns/spinner"
	"github.com/charmbracelet/lipgloss"
	"github.com/coder/websocket"
	"github.com/expr-lang/expr"
	"github.com/gofrs/flock"
	"github.com/itchyny/gojq"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/spf13/cobra"
	"github.com/spf13/viper"
	"github.com/zalando/go-keyring"
	"golang.org/x/text/encoding/charmap"
	_ "modernc.org/sqlite"
)

func main() {
	root := &cobra.Command{Use: "libraries"}
	root.AddCommand(
		&cobra.Command{Use: "version", RunE: func(cmd *cobra.Command, _ []string) error {
			cmd.Println("libraries")
			return nil
		}},
		&cobra.Command{Use: "ledger FILE", Args: cobra.ExactArgs(1), RunE: func(cmd *cobra.Command, args []string) error {
			settings := viper.New()
			settings.SetConfigType("yaml")
			if err := settings.ReadConfig(strings.NewReader("profile: local\n")); err != nil {
				return err
			}
			n, err := count(cmd.Context(), args[0])
			cmd.Println(settings.GetString("profile"), n)
			return err
		}},
		&cobra.Command{Use: "use", RunE: use},
	)
	if root.ExecuteContext(context.Background()) != nil {
		os.Exit(1)
	}
}

func count(ctx context.Context, path string) (n int, err error) {
	db, err := sql.Open("sqlite", "file:"+path+"?_pragma=busy_timeout(1000)")
	if err != nil {
		return 0, err
	}
	defer func() { _ = db.Close() }()
	err = db.QueryRowContext(ctx, "SELECT count(*) FROM deposits").Scan(&n)
	return n, err
}

// use is never run: it keeps the linker from leaving the libraries out.
func use(cmd *cobra.Command, args []string) error {
	text := strings.Join(args, " ")
	query, err := gojq.Parse(text)
	if err != nil {
		return err
	}
	code, err := gojq.Compile(query)
	if err != nil {
		return err
	}
	condition, err := expr.Compile(text)
	if err != nil {
		return err
	}
	held, err := expr.Run(condition, nil)
	if err != nil {
		return err
	}
	layout, err := template.New("").Parse(text)
	if err != nil {
		return err
	}
	spinner.New(spinner.CharSets[1], time.Second).Start()
	cmd.Println(lipgloss.NewStyle().Bold(true).Render(text), code.Run(nil), held, layout.Execute(os.Stdout, nil))
	return errors.Join(http.ListenAndServe(text, nil), useMore(cmd.Context(), text))
}

func useMore(ctx context.Context, text string) error {
	picture, err := qr.Encode(text, qr.M, qr.Auto)
	if err != nil {
		return err
	}
	socket, _, err := websocket.Dial(ctx, text, nil)
	if err != nil {
		return err
	}
	server, err := pgconn.Connect(ctx, text)
	if err != nil {
		return err
	}
	var sent pgtype.Map
	_, known := sent.TypeForName(text)
	page, err := charmap.Windows1252.NewDecoder().String(text)
	return errors.Join(err, flock.New(page).Lock(), keyring.Set(text, picture.Metadata().CodeKind, text),
		socket.Ping(ctx), server.Ping(ctx), xml.Unmarshal([]byte(text), &known))
}
