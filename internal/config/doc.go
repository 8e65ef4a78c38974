// Package config finds the settings of a run: flag, then environment, then
// project file, then user file, then the profile's and payctl's own defaults.
// Each value remembers where it came from, so that it can be explained.
//
// No file is read before Load, and no secret is fetched before somebody asks
// for it: a SecretRef runs its command, opens its file or asks the keyring on
// the first Get. What the settings are for is left to the packages that get
// them; what is missing is reported by whoever needs it, through Missing.
package config
