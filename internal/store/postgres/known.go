package postgres

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"

	"github.com/payctl/payctl/internal/atomicfile"
	"github.com/payctl/payctl/internal/trustfile"
)

// known is what this machine keeps (0600) of a database that it has opened, so that a
// listener can start while the server is down.
type known struct {
	IDKey string `json:"id_key"`
}

// knownFile names the file of a database; it is found by the database's name alone.
func (db *DB) knownFile() string {
	sum := sha256.Sum256([]byte(db.place.name))
	return filepath.Join(db.stateDir, "shared", hex.EncodeToString(sum[:8])+".json")
}

// mostKnown bounds the file, in bytes.
const mostKnown = 4 << 10

// recall returns the key of the ledger's ids, "" where it is not known.
func (db *DB) recall() string {
	if db.stateDir == "" {
		return ""
	}
	data, err := trustfile.ReadFile("what is known of the ledger", db.knownFile(), mostKnown)
	var k known
	if err != nil || json.Unmarshal(data, &k) != nil {
		return ""
	}
	return k.IDKey
}

// remember keeps the key, if it can: nothing but a start without the server needs it.
func (db *DB) remember() {
	if db.stateDir == "" || db.recall() == db.idKey {
		return
	}
	data, err := json.Marshal(known{db.idKey})
	if err != nil || os.MkdirAll(filepath.Dir(db.knownFile()), 0o700) != nil {
		return
	}
	_ = atomicfile.Write(db.knownFile(), data)
}
