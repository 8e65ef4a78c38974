package sqlite

import sqlite3 "modernc.org/sqlite/lib"

// Version is the version of the embedded SQLite, such as "3.51.0".
const Version = sqlite3.SQLITE_VERSION
