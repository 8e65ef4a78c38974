//go:build race

package wasaapay

const raceEnabled = true
