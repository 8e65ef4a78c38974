package payment

// OrNull returns a pointer to text, nil for "": in JSON an absent value is null,
// never missing.
func OrNull(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}
