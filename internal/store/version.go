package store

import "github.com/payctl/payctl/internal/store/sqlite"

// SQLiteVersion is the version of the embedded SQLite, such as "3.51.0".
const SQLiteVersion = sqlite.Version
