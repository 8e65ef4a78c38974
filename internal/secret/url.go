package secret

import "net/url"

// URL returns a database's URL as it may be shown: its user, hosts and name, without the
// password and the parameters, which may hold secrets too. What cannot be read is not
// shown at all.
func URL(text string) string {
	u, err := url.Parse(text)
	if err != nil || u.Scheme == "" {
		return "…"
	}
	shown := url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}
	if u.User != nil && u.User.Username() != "" {
		shown.User = url.User(u.User.Username())
	}
	if u.Host == "" {
		shown.Host = u.Query().Get("host")
	}
	return shown.String()
}
