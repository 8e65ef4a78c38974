//go:build !unix

package store

import "testing"

const canLimitFiles = false

func limitedProcess(t *testing.T, _ *Store) { t.Skip("LOUD SKIP: this system has no file size limit") }

func fullProcess(t *testing.T, _ *Store, _ string) {
	t.Skip("LOUD SKIP: this system has no file size limit")
}

func unwritableProcess(t *testing.T, _ string) { t.Skip("LOUD SKIP: this system has no file modes") }
