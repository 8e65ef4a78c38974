// Package input reads what stands outside of payctl: standard input and pipes, whose reads
// end with a context, and files, within limits and from owners that may be trusted. What
// the bytes mean is for others.
package input
