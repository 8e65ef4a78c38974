package listen

import "net/http"

// fromPage reports whether a browser sent the request on behalf of a page. No
// provider sends these headers, and no page can leave them out or forge them. The
// listener may stand behind any name, so a page of the same origin is one as well:
// it serves none.
func fromPage(r *http.Request) bool {
	if len(r.Header["Origin"]) > 0 {
		return true
	}
	for _, site := range r.Header["Sec-Fetch-Site"] {
		if site != "none" { // an address that a person typed
			return true
		}
	}
	return false
}
