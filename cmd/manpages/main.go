// Command manpages writes a manual page for every command of payctl into a directory.
// The release runs it; it is a program of its own so that payctl does not link what
// only it needs.
package main

import (
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra/doc"

	"github.com/payctl/payctl/internal/cli"
)

func main() { os.Exit(run()) }

func run() int {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: manpages DIRECTORY")
		return 64
	}
	dir := os.Args[1]
	if err := os.MkdirAll(dir, 0o750); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	// A date would make two builds of one commit differ.
	epoch := time.Unix(0, 0).UTC()
	header := &doc.GenManHeader{Title: "PAYCTL", Section: "1", Source: "payctl", Manual: "payctl", Date: &epoch}
	if err := doc.GenManTree(cli.Tree(), header, dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}
