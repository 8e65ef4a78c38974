// Package browser holds the tests of "payctl ui" in a real Chromium: what a person sees,
// hears and types. It is a module of its own, so that the product's does not need what
// drives a browser. "make test-browser" runs it; without Chromium or npm it fails there
// and is skipped by a plain "go test".
package browser
