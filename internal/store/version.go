package store

import sqlite3 "modernc.org/sqlite/lib"

// SQLiteVersion is the version of the embedded SQLite, such as "3.51.0".
const SQLiteVersion = sqlite3.SQLITE_VERSION
