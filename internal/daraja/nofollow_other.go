//go:build !unix

package daraja

const noFollow = 0
