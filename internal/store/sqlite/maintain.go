package sqlite

import (
	"context"
	"crypto/rand"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/payctl/payctl/internal/atomicfile"
	"github.com/payctl/payctl/internal/payment"
)

// Check reads the whole file and returns what is wrong with it, in words.
func (db *DB) Check(ctx context.Context) ([]string, error) {
	rows, err := db.read.QueryContext(ctx, sqlIntegrity)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var problems []string
	for rows.Next() {
		var what string
		if err := rows.Scan(&what); err != nil {
			return problems, err
		}
		if what != "ok" {
			problems = append(problems, "the file is damaged: "+what)
		}
	}
	return problems, rows.Err()
}

// Size returns the bytes of the file with its log, those inside it that are free for
// reuse, and the version of the schema.
func (db *DB) Size(ctx context.Context) (bytes, free int64, schema int, err error) {
	for _, suffix := range []string{"", "-wal"} {
		if info, err := os.Stat(db.path + suffix); err == nil {
			bytes += info.Size()
		}
	}
	var page int64
	if err := db.read.QueryRowContext(ctx, sqlFreePages).Scan(&free); err != nil {
		return 0, 0, 0, err
	}
	if err := db.read.QueryRowContext(ctx, sqlPageSize).Scan(&page); err != nil {
		return 0, 0, 0, err
	}
	schema, err = userVersion(ctx, db.read)
	return bytes, free * page, schema, err
}

// Copy writes the ledger as it is at one moment into a new file, mode 0600, while others
// go on writing. It appears under its name only when it is complete. An existing file is
// KindUsage.
func (db *DB) Copy(ctx context.Context, file string) error {
	if _, err := os.Lstat(file); err == nil {
		return payment.Usage(fmt.Sprintf("backup: %s exists", filepath.Base(file)), "name a new file")
	} else if !errors.Is(err, fs.ErrNotExist) {
		return payment.Usage(fmt.Sprintf("backup: %s cannot be made", filepath.Base(file)), "look at its directory")
	}
	part := file + ".part-" + rand.Text()[:8]
	f, err := os.OpenFile(part, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		return payment.Usage(fmt.Sprintf("backup: %s cannot be made", filepath.Base(file)), "look at its directory")
	}
	defer func() { _ = os.Remove(part) }()
	defer func() { _ = f.Close() }()
	if err := db.copyInto(ctx, part); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	return atomicfile.Adopt(part, file)
}

// copyInto writes a consistent copy into an existing empty file.
func (db *DB) copyInto(ctx context.Context, to string) error {
	mode := modeReadOnly
	if db.still {
		mode = modeStill
	}
	pool, err := openDB(db.path, mode, 1)
	if err != nil {
		return err
	}
	defer func() { _ = pool.Close() }()
	_, err = pool.ExecContext(ctx, "VACUUM INTO ?", to)
	return err
}

// Shrink gives some free pages back to the disk, in a transaction, and returns how many
// are left.
func (c *Conn) Shrink(ctx context.Context) (left int64, err error) {
	if _, err := c.Exec(ctx, sqlShrink, nil); err != nil {
		return 0, err
	}
	rows, err := c.Query(ctx, sqlFreePages, nil)
	if err != nil {
		return 0, err
	}
	defer func() { _ = rows.Close() }()
	row := make([]driver.Value, 1)
	if err := rows.Next(row); err != nil && !errors.Is(err, io.EOF) {
		return 0, err
	}
	left, _ = row[0].(int64)
	return left, nil
}
