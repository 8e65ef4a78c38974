package config

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/zalando/go-keyring"

	"github.com/payctl/payctl/internal/payment"
	"github.com/payctl/payctl/internal/secret"
	"github.com/payctl/payctl/internal/trustfile"
)

const (
	// maxSecret bounds a secret, in bytes.
	maxSecret = 64 << 10
	// fetchTimeout bounds a secret command, which may ask a person.
	fetchTimeout = 60 * time.Second
)

// SecretRef is a secret that is fetched when it is first asked for. Its
// methods are safe for concurrent use; nil is a secret that is not set.
type SecretRef struct {
	key    string
	env    payment.Environment
	source *Source
	from   candidate
	set    bool

	mu    sync.Mutex
	value *secret.Secret
}

// Key returns the setting's key.
func (r *SecretRef) Key() string {
	if r == nil {
		return ""
	}
	return r.key
}

// IsSet reports whether some source gives the secret. It fetches nothing.
func (r *SecretRef) IsSet() bool { return r != nil && r.set }

// String names the setting, never its value.
func (r *SecretRef) String() string { return "secret " + r.Key() }

// GoString names the setting: %#v must not reveal more than %v.
func (r *SecretRef) GoString() string { return r.String() }

// Get fetches the secret, once; a failure may be tried again. A secret that is
// not set is nil without an error: Missing says so in words. Errors are
// KindUnauthorized when a source gives nothing usable, KindUsage for an API key
// of another environment, and ctx's own.
func (r *SecretRef) Get(ctx context.Context) (*secret.Secret, error) {
	if !r.IsSet() {
		return nil, nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.value != nil {
		return r.value, nil
	}
	text, err := r.fetch(ctx)
	if err != nil {
		return nil, err
	}
	switch {
	case strings.TrimSpace(text) == "":
		return nil, r.failed("yields nothing")
	case strings.ContainsAny(text, "\r\n"):
		return nil, r.failed("yields more than one line")
	}
	if err := r.shape(text); err != nil {
		return nil, err
	}
	if r.key == "wasaapay.api_key" {
		if err := checkKeyClass(text, r.env); err != nil {
			return nil, r.from.bad(err.Error(), "choose the profile of the key's environment, or correct the key")
		}
	}
	r.value = secret.New(text)
	return r.value, nil
}

// passkeyLength is how many hexadecimal characters a passkey has (reference/daraja.md §3.1).
const passkeyLength = 64

// shape refuses what cannot be the credential, before anything is sent with it.
func (r *SecretRef) shape(text string) error {
	problem, hint := secret.Flaw(text), "write the bare value, as the provider shows it"
	switch r.key {
	case "daraja.consumer_key", "daraja.consumer_secret", "daraja.passkey", "wasaapay.api_key":
		if problem == "" && strings.ContainsAny(text, " \t") {
			problem = "has a blank in it"
		}
	}
	if _, err := hex.DecodeString(text); problem == "" && r.key == "daraja.passkey" && (err != nil || len(text) != passkeyLength) {
		problem, hint = fmt.Sprintf("has %d characters and should have %d hexadecimal ones", len(text), passkeyLength), "copy it again from the portal, or from the go-live mail"
	}
	if problem == "" {
		return nil
	}
	e := r.failed(problem)
	e.Kind, e.Hint = payment.KindUsage, hint
	return e
}

func (r *SecretRef) fetch(ctx context.Context) (string, error) {
	switch r.from.form {
	case byFile:
		return patiently(ctx, r.fromFile)
	case byCommand:
		return r.fromCommand(ctx)
	case byKeyring:
		return r.fromKeyring(ctx)
	}
	return r.from.text, nil
}

// failed says that the secret could not be fetched, and from where.
func (r *SecretRef) failed(problem string) *payment.Error {
	place := r.from.place()
	if r.from.form == plainly {
		place = "the value"
	}
	return &payment.Error{
		Kind:    payment.KindUnauthorized,
		Message: fmt.Sprintf("%s: %s: %s %s", r.from.origin, r.key, place, problem),
		Hint:    "correct " + r.key + r.from.form + ", or give the secret another way",
	}
}

func (r *SecretRef) fromFile() (string, error) {
	path, err := r.from.path(*r.source)
	if err != nil {
		return "", err
	}
	f, err := trustfile.Open(r.key+byFile, path)
	if err != nil {
		e := r.failed("cannot be read")
		switch {
		case payment.KindOf(err) == payment.KindUsage:
			return "", err
		case errors.Is(err, fs.ErrNotExist):
			e = r.failed("does not exist")
		case errors.Is(err, fs.ErrPermission):
			e = r.failed("cannot be read: permission denied")
		}
		e.Err = err
		return "", e
	}
	defer func() { _ = f.Close() }()
	data, err := io.ReadAll(io.LimitReader(f, maxSecret+1))
	switch {
	case err != nil:
		return "", r.failed("cannot be read")
	case len(data) > maxSecret:
		return "", r.failed("is larger than 64 KiB")
	}
	return withoutLineEnd(string(data)), nil
}

func (r *SecretRef) fromCommand(ctx context.Context) (string, error) {
	limited, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	argv := r.from.list
	if argv == nil {
		argv = shell(r.from.text)
	}
	if len(argv) == 0 || argv[0] == "" {
		return "", r.failed("names no program")
	}
	out, err := runCommand(limited, argv, r.from.dir)
	if err != nil {
		if ctx.Err() != nil {
			return "", ctx.Err()
		}
		return "", r.explainCommand(limited, err)
	}
	return withoutLineEnd(out), nil
}

// fromKeyring asks the system's keyring, which may wait for a person to unlock
// it and cannot be interrupted. One that does not answer is KindUnavailable.
func (r *SecretRef) fromKeyring(ctx context.Context) (string, error) {
	service, account, ok := strings.Cut(r.from.text, "/")
	if !ok || service == "" || account == "" {
		return "", r.from.hidden("the keyring entry is not service/account", "write it like payctl/"+r.key)
	}
	get := r.source.Keyring
	if get == nil {
		get = keyring.Get
	}
	limited, done := r.source.Patience.bound(ctx)
	text, err := patiently(limited, func() (string, error) { return get(service, account) })
	silent := limited.Err() != nil
	done()
	switch {
	case err == nil:
		return withoutLineEnd(text), nil
	case ctx.Err() != nil:
		return "", ctx.Err()
	case silent:
		e := r.failed("did not answer")
		e.Kind, e.Retryable = payment.KindUnavailable, true
		e.Hint = "unlock the system's keyring and try again, or keep the secret elsewhere: " + r.key + byFile + " or " + r.key + byCommand
		return "", e
	case errors.Is(err, keyring.ErrNotFound):
		return "", r.failed("has no such entry")
	}
	e := r.failed("cannot be read")
	e.Err = err
	return "", e
}

// withoutLineEnd takes off the one line end that editors and commands add.
func withoutLineEnd(s string) string {
	return strings.TrimSuffix(strings.TrimSuffix(s, "\n"), "\r")
}

// place says where a secret is kept, without revealing it.
func (c candidate) place() string {
	switch c.form {
	case byFile:
		return "file " + quote(c.text)
	case byCommand:
		return "command " + quote(programName(c))
	case byKeyring:
		if !strings.Contains(c.text, "/") {
			return `keyring entry "…"` // no entry's name: it may be the secret itself
		}
		return "keyring entry " + quote(c.text)
	}
	return secret.New(c.text).Masked()
}

// programName is what of a command may be shown: the program, as far as it is written
// plainly. Its arguments may be telling, and so may what a shell is given before it.
func programName(c candidate) string {
	if len(c.list) > 0 {
		return c.list[0]
	}
	text := strings.TrimSpace(c.text)
	end := strings.IndexFunc(text, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("/._-+~:\\", r)
	})
	switch {
	case end < 0:
		return text
	case unicode.IsSpace(rune(text[end])):
		return text[:end]
	}
	return text[:end] + "…"
}
