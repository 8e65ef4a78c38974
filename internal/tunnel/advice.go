package tunnel

import (
	"strings"

	"github.com/payctl/payctl/internal/payment"
)

// failure is a program's end or silence, in words.
type failure struct {
	problem, next string
	// limited says that the service wants to be asked less often.
	limited bool
	// useless says that another start would fail in the same way.
	useless bool
}

// Error returns the problem.
func (f *failure) Error() string { return f.problem }

// advice is what a word in a program's output means.
type advice struct {
	word, problem, next string
	limited, useless    bool
}

// advices lists the words of the programs, the more telling first. Sources: the
// programs' own output and their public issue threads.
func advices() []advice {
	return []advice{
		{word: "error code: 1015", problem: "the service refuses new tunnels from this network for now (error 1015)", next: "wait some minutes, or use --tunnel ngrok", limited: true},
		{word: "429", problem: "the service refuses new tunnels for now (too many requests)", next: "wait some minutes, or use another program", limited: true},
		{word: "failed to unmarshal quick tunnel", problem: "the quick tunnel service gave an answer that is none", next: "wait a minute, or use --tunnel ngrok", limited: true},
		{word: "err_ngrok_108", problem: "ngrok allows no further session at once", next: "stop the other agent, or use --tunnel cloudflared", useless: true},
		{word: "err_ngrok_727", problem: "the ngrok account has used up its requests of this month", next: "use --tunnel cloudflared", useless: true},
		{word: "err_ngrok_334", problem: "the ngrok address is in use by another agent", next: "stop the other agent, or give another --tunnel-url", useless: true},
		{word: "err_ngrok_4018", problem: "ngrok wants an account's authtoken", next: "run \"ngrok config add-authtoken TOKEN\", or use --tunnel cloudflared", useless: true},
		{word: "err_ngrok_105", problem: "ngrok does not know the authtoken", next: "run \"ngrok config add-authtoken TOKEN\" with a good one", useless: true},
		{word: "err_ngrok_121", problem: "this ngrok is too old for its service", next: "run \"ngrok update\"", useless: true},
		{word: "err_ngrok_", problem: "ngrok refused", next: "look its code up at ngrok, or use --tunnel cloudflared"},
		{word: "flag provided but not defined", problem: "this version of the program does not know a flag that payctl gives it", next: "update the program", useless: true},
		{word: "unknown flag", problem: "this version of the program does not know a flag that payctl gives it", next: "update the program", useless: true},
		{word: "remote port forwarding failed", problem: "the server refused the port or the name", next: "choose another one, or end the tunnel that holds it"},
		{word: "permission denied (publickey", problem: "the server refused every key", next: "load the key with ssh-add, or name it with -i", useless: true},
		{word: "host key verification failed", problem: "the server's key is not the known one", next: "compare it with the server's operator before you accept it", useless: true},
		{word: "failed to dial to edge with quic", problem: "UDP to port 7844 seems to be blocked", next: "payctl tries TCP next; else open the port, or use --tunnel ngrok"},
		{word: "7844", problem: "the edge cannot be reached at port 7844", next: "open it for this machine, or use --tunnel ngrok"},
		{word: "command not found", problem: "the command is not installed", next: "check --tunnel", useless: true},
		{word: ": not found", problem: "the command is not installed", next: "check --tunnel", useless: true},
		{word: "no such host", problem: "the service's name cannot be resolved", next: "check the network and its DNS"},
		{word: "could not resolve", problem: "the service's name cannot be resolved", next: "check the network and its DNS"},
		{word: "x509", problem: "the service's certificate is not believed", next: "a proxy of the network may stand between: ask its operator"},
	}
}

// explain turns the end or silence of a program into words: the cause where its
// output tells one, else its last line.
func explain(name string, tail []string, what string) *failure {
	all := strings.ToLower(strings.Join(tail, "\n"))
	for _, a := range advices() {
		if strings.Contains(all, a.word) {
			return &failure{problem: name + ": " + a.problem, next: a.next, limited: a.limited, useless: a.useless}
		}
	}
	f := &failure{problem: name + " " + what, next: "run it by hand to see what it says, or use another program"}
	if len(tail) > 0 {
		f.problem += "; its last words: " + payment.MaskDigits(tail[len(tail)-1])
	}
	return f
}
