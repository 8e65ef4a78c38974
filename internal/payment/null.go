package payment

// OrNull returns a pointer to text, nil for "": in JSON an absent value is null,
// never missing.
func OrNull(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

// Or returns what text points to, otherwise where that is nothing.
func Or(text *string, otherwise string) string {
	if text == nil {
		return otherwise
	}
	return *text
}
