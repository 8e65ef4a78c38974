package cli

import (
	"errors"
	"io/fs"
	"os"

	"github.com/spf13/pflag"

	"github.com/payctl/payctl/internal/atomicfile"
)

// outputFile is --output-file, which writes over nothing without --force.
type outputFile struct {
	file  string
	force bool
}

func (o *outputFile) bind(f *pflag.FlagSet, usage string) {
	f.StringVar(&o.file, "output-file", "", usage)
	f.BoolVar(&o.force, "force", false, "write over a file that is there")
}

// check refuses a file that is there, before anything is asked for.
func (o *outputFile) check() error {
	if o.file == "" || o.force {
		return nil
	}
	if _, err := os.Lstat(o.file); err == nil {
		return isThere(o.file)
	}
	return nil
}

// save writes a file whole or not at all.
func (o *outputFile) save(path string, data []byte) error {
	save := atomicfile.Create
	if o.force {
		save = atomicfile.Write
	}
	switch err := save(path, data); {
	case errors.Is(err, fs.ErrExist):
		return isThere(path)
	case err != nil:
		return usagef("name a file that can be written", "output-file %s: cannot be written", path)
	}
	return nil
}

func isThere(path string) error {
	return usagef("name another file, or give --force", "output-file %s: is there already", path)
}
