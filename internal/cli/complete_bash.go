package cli

import (
	"bytes"
	_ "embed"
	"io"
	"strings"

	"github.com/spf13/cobra"
)

// bashWords is what the package bash-completion does for scripts that have it.
//
//go:embed complete_words.bash
var bashWords string

const bashHelp = `Prints the script that completes payctl's lines in bash. It needs nothing beside it.

In this shell:
  source <(payctl completion bash)

In every new one:
  echo "source <(payctl completion bash)" >> ~/.bashrc`

// bashCompletion writes cobra's script for bash so that it needs nothing beside it: the
// line's words and the names of files come from functions of its own, whether the package
// bash-completion is there or not.
func bashCompletion(root *cobra.Command, w io.Writer, describe bool) error {
	var script bytes.Buffer
	if err := root.GenBashCompletionV2(&script, describe); err != nil {
		return err
	}
	text := script.String()
	text = between(text, "# Macs have bash3", "# This function calls the payctl program", strings.TrimSpace(bashWords)+"\n\n")
	text = between(text, "    # Call _init_completion from", "    __payctl_debug\n", "    __payctl_words\n\n")
	text = strings.ReplaceAll(text, "_filedir", "__payctl_files")
	_, err := io.WriteString(w, text)
	return err
}

// between puts a text in place of what stands from one mark up to the next.
func between(text, from, to, instead string) string {
	before, rest, found := strings.Cut(text, from)
	_, after, ends := strings.Cut(rest, to)
	if !found || !ends {
		return text
	}
	return before + instead + to + after
}
