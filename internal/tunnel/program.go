package tunnel

import (
	"errors"
	"fmt"
	"net/url"
	"os/exec"
	"path"
	"runtime"
	"strconv"
	"strings"

	"github.com/payctl/payctl/internal/payment"
)

// Program is what makes the address.
type Program struct {
	// Name is "cloudflared", "ngrok" or "command".
	Name string
	// Command is the command line of any other program; {port} stands for the port.
	Command string
	// URL is the address when the operator knows it, such as a named tunnel's.
	URL string
	// Host is a pattern of the host to look for in what a command prints, such as
	// "*.lhr.life".
	Host string
}

// The programs that need no command line.
const (
	Cloudflared = "cloudflared"
	Ngrok       = "ngrok"
	command     = "command"
)

// ParseProgram reads what --tunnel, --tunnel-url and --tunnel-host say. Errors are
// KindUsage.
func ParseProgram(text, address, host string) (Program, error) {
	p := Program{Name: text, URL: strings.TrimRight(address, "/"), Host: strings.ToLower(host)}
	if text != Cloudflared && text != Ngrok {
		p.Name, p.Command = command, text
	}
	if p.URL != "" {
		u, err := url.Parse(p.URL)
		if err != nil || u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
			return p, payment.Usage("tunnel-url "+strconv.Quote(address)+": is no public https address", "write it as https://hooks.example.co.ke")
		}
	}
	if _, err := path.Match(p.Host, ""); err != nil {
		return p, payment.Usage("tunnel-host "+strconv.Quote(host)+": is no pattern", "write it as '*.lhr.life'")
	}
	switch {
	case strings.TrimSpace(text) == "":
		return p, payment.Usage("tunnel: is empty", "name cloudflared, ngrok or a command")
	case p.Name == Cloudflared && p.URL != "":
		return p, payment.Usage("tunnel-url: a quick tunnel of cloudflared has a random name", "run a named one: --tunnel 'cloudflared tunnel run NAME' with its --tunnel-url")
	case p.Name == command && p.URL == "" && p.Host == "":
		return p, payment.Usage("tunnel: nothing says which address the command makes", "give --tunnel-url with the address, or --tunnel-host with a pattern of the host that it prints")
	case p.Name != command && p.Host != "":
		return p, payment.Usage("tunnel-host: "+p.Name+" says its address itself", "leave --tunnel-host out")
	}
	return p, nil
}

// installed returns a KindUsage error when the program is not on PATH.
func (p Program) installed() error {
	name := p.Name
	if name == command {
		// The shell says what is missing, and finds builtins too.
		return nil
	}
	_, err := exec.LookPath(name)
	if errors.Is(err, exec.ErrDot) {
		return payment.Usage("tunnel: "+name+" would be run from the working directory", "put it into a directory of PATH")
	}
	if err != nil {
		return payment.Usage("tunnel: "+name+" is not installed", installHint(name))
	}
	return nil
}

func installHint(name string) string {
	if name == Cloudflared {
		return "install cloudflared with your package manager, or use --tunnel ngrok or a command of your own"
	}
	return "install ngrok and run \"ngrok config add-authtoken\", or use --tunnel cloudflared or a command of your own"
}

// argv is the command line of one start. metrics is a free port for the program's own
// API, empty an empty configuration file. A second start tries the other protocol:
// UDP to port 7844 is often blocked.
func (p Program) argv(port, metrics int, empty string, attempt int) []string {
	local := "http://127.0.0.1:" + strconv.Itoa(port)
	switch p.Name {
	case Cloudflared:
		argv := []string{
			Cloudflared, "tunnel", "--config", empty, "--no-autoupdate",
			"--metrics", fmt.Sprintf("127.0.0.1:%d", metrics), "--output", "json", "--url", local,
		}
		if attempt%2 == 1 {
			argv = append(argv, "--protocol", "http2")
		}
		return argv
	case Ngrok:
		argv := []string{Ngrok, "http", strconv.Itoa(port), "--log", "stdout", "--log-format", "json"}
		if p.URL != "" {
			argv = append(argv, "--url", p.URL)
		}
		return argv
	}
	line := strings.ReplaceAll(p.Command, "{port}", strconv.Itoa(port))
	if runtime.GOOS == "windows" {
		return []string{"cmd", "/C", line}
	}
	return []string{"/bin/sh", "-c", line}
}

// named returns the address in a line of the program's output, "" for none.
func (p Program) named(line string) string {
	switch {
	case p.URL != "":
		return ""
	case p.Name == Ngrok:
		return ngrokStarted(line)
	case p.Name == command:
		return p.matching(line)
	}
	return ""
}

// matching finds the first host in a line that the pattern matches. Services print
// theirs as an address or, in JSON, as a bare name.
func (p Program) matching(line string) string {
	for word := range strings.FieldsFuncSeq(strings.ToLower(line), func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-' && r != '.'
	}) {
		host := strings.Trim(word, ".-")
		if matched, err := path.Match(p.Host, host); err == nil && matched && strings.Contains(host, ".") {
			return "https://" + host
		}
	}
	return ""
}
