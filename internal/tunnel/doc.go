// Package tunnel runs a tunnel program, finds the public address that it gives to a
// port of this machine, proves from outside that the address leads here, and hands it
// over to the other commands of the profile. It speaks to programs (cloudflared, ngrok,
// ssh, any other) and knows nothing of payments: what makes an address unusable, and
// what is done when it changes, is the caller's to say.
//
// Programs are run, not embedded: the operator's own login, proxy and policy hold.
package tunnel
