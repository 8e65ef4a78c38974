// Package web is the browser view of a ledger, for the person at this machine: what
// arrived, what became of it, one payment's time, the emulator's handset and the counts.
// Pages show the shapes of package view and call the use cases that the commands call; a
// page knows nothing that a command does not.
//
// What it is defended against, and where:
//
//	a name rebound to this machine     the Host must be ours to the letter, before all else (guard.go)
//	a page of another origin or port   Sec-Fetch-Site, Origin and http.CrossOriginProtection (guard.go)
//	another program's user             a token that opens once, then a Strict cookie; a second one for scripts (door.go)
//	what was sent to the listener      html/template, a policy without inline code, and one filter over every
//	                                   page for characters that hide or turn text around (render.go)
//	a person who looks over a shoulder numbers are masked here, credentials never leave the ledger
//	a slip of the hand                 nothing moves money; outside local and sandbox nothing changes at all (action.go)
//	more than a browser can take       pages of 100 rows, bodies of 64 KiB, scans and streams that are bounded
//
// Whoever can run programs as this user can read the ledger itself: against them there is
// no defence here.
package web
