package config

import "strconv"

// OriginKind is where a setting came from.
type OriginKind string

// The origins, the strongest first.
const (
	FromFlag        OriginKind = "flag"
	FromEnvironment OriginKind = "environment"
	FromProjectFile OriginKind = "project file"
	FromUserFile    OriginKind = "user file"
	FromTunnel      OriginKind = "tunnel of payctl listen"
	FromBuiltIn     OriginKind = "built-in profile"
	FromDefault     OriginKind = "default"
	// FromNowhere is the origin of a setting that nothing sets.
	FromNowhere OriginKind = "not set"
	// NotChosen is the origin of a profile that nobody named although some are defined.
	NotChosen OriginKind = "not chosen"
)

// Origin is the place that a value came from.
type Origin struct {
	Kind OriginKind `json:"kind"`
	// Name is the flag, the variable, the file's path, the built-in profile or the
	// profiles to choose from; "" for a default.
	Name string `json:"name"`
	// Line is the line in a file, 0 elsewhere.
	Line int `json:"line"`
	// Trusted says that the value counts because the project file was trusted.
	Trusted bool `json:"trusted"`
}

// String returns the place as a person would say it: "--db", "PAYCTL_DB", "path:3".
func (o Origin) String() string {
	switch o.Kind {
	case FromFlag:
		return "flag --" + o.Name
	case FromEnvironment:
		return o.Name
	case FromProjectFile, FromUserFile:
		place := o.Name
		if o.Line > 0 {
			place += ":" + strconv.Itoa(o.Line)
		}
		if o.Trusted {
			place += " (trusted)"
		}
		return place
	case FromTunnel:
		return "tunnel of payctl listen, " + o.Name
	case FromBuiltIn:
		return "built-in profile " + o.Name
	case NotChosen:
		return "not chosen, out of " + o.Name
	case FromDefault, FromNowhere:
	}
	return string(o.Kind)
}
