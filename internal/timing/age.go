package timing

import (
	"strconv"
	"time"
)

// day is a day as ages count it, whatever the clocks do.
const day = 24 * time.Hour

// mostDays bounds an age, a century.
const mostDays = 36525

// ParseAge reads how long something is or was: Go's durations, and whole days and weeks,
// as in "90s", "2h", "3d" and "2w". ok is false for anything else and for what is negative.
func ParseAge(text string) (age time.Duration, ok bool) {
	if text != "" {
		unit := map[byte]time.Duration{'d': day, 'w': 7 * day}[text[len(text)-1]]
		if n, err := strconv.ParseUint(text[:len(text)-1], 10, 16); unit > 0 && err == nil {
			age = time.Duration(n) * unit
			return age, age <= mostDays*day
		}
	}
	age, err := time.ParseDuration(text)
	return age, err == nil && age >= 0
}

// Zone returns the zone of a name such as Africa/Nairobi, EAT, UTC or Local.
func Zone(name string) (*time.Location, error) {
	if name == "EAT" || name == "Africa/Nairobi" {
		return EAT(), nil
	}
	return time.LoadLocation(name)
}
