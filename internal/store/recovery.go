package store

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/payctl/payctl/internal/atomicfile"
	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/trustfile"
)

// Recovery is the directory beside a ledger with what sources said of deposits and
// the ledger could not take: one file (0600) for each, until a command that may write
// takes it in.
type Recovery struct{ db *database }

// waitingClaim is what a recovery file holds.
type waitingClaim struct {
	Deposit           string           `json:"deposit_id"`
	Status            payment.Status   `json:"status"`
	By                payment.Source   `json:"by"`
	ProviderID        string           `json:"provider_id"`
	MerchantRequestID string           `json:"merchant_request_id"`
	Receipt           string           `json:"receipt"`
	Failure           *payment.Failure `json:"failure"`
	At                time.Time        `json:"at"`
}

// Dir is where the files are; it is there only while some are.
func (r Recovery) Dir() string { return r.db.engine.Beside("recovery") }

// Keep writes what a source says of a deposit, and returns the file's name.
func (r Recovery) Keep(id string, c payment.Claim) (string, error) {
	data, err := json.Marshal(waitingClaim{
		Deposit: id, Status: c.Status, By: c.By, ProviderID: c.ProviderID, MerchantRequestID: c.MerchantRequestID,
		Receipt: c.Receipt, Failure: c.Failure, At: c.At,
	})
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(r.Dir(), 0o700); err != nil {
		return "", err
	}
	path := filepath.Join(r.Dir(), id+"-"+payment.NewToken()[:8]+".json")
	return path, atomicfile.Write(path, append(data, '\n'))
}

// Drop removes a file that Keep wrote, and the directory with the last one.
func (r Recovery) Drop(path string) {
	_ = os.Remove(path)
	_ = os.Remove(r.Dir()) // not while it holds others
}

// Waiting returns how many files wait.
func (r Recovery) Waiting() int { return len(r.files()) }

func (r Recovery) files() []string {
	entries, err := os.ReadDir(r.Dir())
	if err != nil {
		return nil
	}
	var out []string
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), ".json") && e.Type().IsRegular() {
			out = append(out, filepath.Join(r.Dir(), e.Name()))
		}
	}
	return out
}

// believed returns an error of KindUsage where the directory, or a file in it, is another
// user's or can be changed by one: what waits says what was paid.
func (r Recovery) believed() error {
	err := trustfile.Check("recovery directory", r.Dir())
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, path := range r.files() {
		if err == nil {
			err = trustfile.CheckInside("recovery file", path)
		}
	}
	return err
}

// mostRecovery bounds a recovery file, in bytes.
const mostRecovery = 64 << 10

// TakeIn records what waits, and returns the ids of the deposits. A file that cannot be
// read, is not believed, or is of no deposit of this ledger, stays for the operator.
func (r Recovery) TakeIn(ctx context.Context) (taken []string, err error) {
	for _, path := range r.files() {
		var w waitingClaim
		data, readErr := trustfile.ReadInside("recovery file", r.Dir(), path, mostRecovery)
		if readErr != nil || json.Unmarshal(data, &w) != nil || !w.Status.Valid() {
			continue
		}
		_, _, applyErr := (&Deposits{r.db}).applied(ctx, w.Deposit, payment.Claim{
			Status: w.Status, By: w.By, ProviderID: w.ProviderID, MerchantRequestID: w.MerchantRequestID,
			Receipt: w.Receipt, Failure: w.Failure, At: w.At,
		}, "an answer waited in the recovery file")
		switch {
		case applyErr == nil:
			r.Drop(path)
			taken = append(taken, w.Deposit)
		case payment.KindOf(applyErr) != payment.KindNotFound:
			return taken, applyErr
		}
	}
	return taken, nil
}
