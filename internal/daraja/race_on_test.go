//go:build race

package daraja

const raceEnabled = true
