//go:build !unix

package store

import "testing"

func limitedProcess(t *testing.T, _ *Store) { t.Skip("LOUD SKIP: this system has no file size limit") }
