package payment

import "testing"

func TestCommandLine(t *testing.T) {
	t.Parallel()
	for word, want := range map[string]string{
		"INV-1": "INV-1", "a/b_c.d:e@f%g+h,i=j": "a/b_c.d:e@f%g+h,i=j", "": "''", "a b": "'a b'", "it's": `'it'\''s'`,
		"$(rm)": "'$(rm)'", "a;b": "'a;b'", "*": "'*'", "[ab]": "'[ab]'", "!!": "'!!'", "~": "'~'", "café": "'café'", "a\nb": "'a\nb'",
	} {
		if got := ShellWord(word); got != want {
			t.Errorf("%q: %s, want %s", word, got, want)
		}
	}
	if got := CommandLine("payctl", "trace", "a b"); got != "payctl trace 'a b'" {
		t.Error(got)
	}
}
